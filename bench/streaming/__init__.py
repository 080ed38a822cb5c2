"""Streams under load: events, the model server that writes them, the clients that read them.

Both ends are one process, so that one clock says how long an event was under way.
"""

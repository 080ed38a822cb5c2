"""Streams under load: the events, the model server that writes them, and clients that read them.

Model server and clients are one process, so that delays are measured with one clock.
"""

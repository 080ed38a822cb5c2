"""What the filter costs: measured against the same Envoy without it and with one that does nothing.

``python -m bench`` puts a whole gateway under load, ``python -m bench.translation`` times the
translation alone, in this process.
"""

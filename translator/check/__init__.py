"""``oip-translator check``: finds faults of an installation and says how to fix them."""

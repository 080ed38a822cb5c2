"""``oip-translator check``: finds problems of an installation, with hints how to fix them."""

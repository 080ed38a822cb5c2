"""``oip-translator translate``: what becomes of one body, without Envoy."""

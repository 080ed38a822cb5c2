"""``oip-translator translate``: translates one body, without Envoy."""

"""The demo: a real model server with small models, behind a real Envoy and the translator."""

"""What carries ext_proc's bytes between Envoy and a session."""

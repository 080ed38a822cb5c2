"""The gRPC servers that carry ext_proc's bytes between Envoy and a session."""

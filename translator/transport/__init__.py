"""The gRPC servers that Envoy connects to."""

"""grpc.health.v1: messages, server and client."""

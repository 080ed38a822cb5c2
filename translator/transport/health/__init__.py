"""grpc.health.v1: its messages, what a server says, how a client asks."""

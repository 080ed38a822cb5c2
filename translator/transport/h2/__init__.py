"""A gRPC server of exactly what Envoy needs, on asyncio: HTTP/2, gRPC framing, ext_proc, health."""

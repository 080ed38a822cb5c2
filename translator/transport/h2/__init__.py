"""A gRPC server on asyncio with only what Envoy needs: HTTP/2, gRPC framing, ext_proc, health."""

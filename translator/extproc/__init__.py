"""Envoy's messages: ProcessingRequest bytes in, ProcessingResponse bytes out. Nothing of gRPC."""

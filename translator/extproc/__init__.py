"""Envoy's messages: ProcessingRequest bytes in, ProcessingResponse bytes out, without gRPC."""

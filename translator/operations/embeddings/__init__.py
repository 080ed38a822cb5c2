"""The operation ``embeddings``."""

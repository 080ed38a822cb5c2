"""Embeddings: the input of a request to texts or tokens, and vectors to OpenAI's list."""

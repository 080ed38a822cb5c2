"""The OpenAI dialect: what clients send, what they expect back. Pure; knows nothing of OIP."""

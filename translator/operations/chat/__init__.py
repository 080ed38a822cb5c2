"""Chat completions: OpenAI's request to a generation, and what the model says to completions."""

"""MLServer runtimes with the wire shapes of Seldon's LLM runtimes, in front of a small model."""

"""MLServer runtimes with the tensors of Seldon's LLM runtimes, with small models."""

"""Seldon's contract: the tensors and parameters of its runtimes, behind a model or a pipeline."""

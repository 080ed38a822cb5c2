"""Seldon's contract: tensors and parameters of its runtimes, called directly or by pipelines."""

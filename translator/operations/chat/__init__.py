"""The operation ``chat/completions``."""

"""The process: listeners, signals, drain."""

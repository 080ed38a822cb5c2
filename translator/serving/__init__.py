"""The process: settings, listeners, signals, drain."""

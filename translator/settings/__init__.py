"""The settings: their model, the types of their values, and where they are read from."""

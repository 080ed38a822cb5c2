"""Tasks: the plain data between operations and contracts. Pure."""

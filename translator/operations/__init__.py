"""What clients ask for: one module or package for each operation. Pure."""

"""The contracts of model servers: one module or package for each. Pure."""

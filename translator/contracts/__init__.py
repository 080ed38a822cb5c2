"""What model servers take and give: one module or package for each contract. Pure."""

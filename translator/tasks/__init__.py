"""What models do, as plain data between what clients ask and what model servers take. Pure."""

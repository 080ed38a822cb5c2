"""The settings: what there is to set, how it is written, where it comes from."""

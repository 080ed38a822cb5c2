"""The peers that bench/ measures the filter against: run by ``make peers``, which installs them."""

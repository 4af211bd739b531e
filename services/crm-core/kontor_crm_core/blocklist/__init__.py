"""The blocklist: addresses that were erased for good and may not come back."""

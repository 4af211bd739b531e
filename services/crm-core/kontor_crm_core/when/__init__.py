"""Days and times that callers give, read where the tenant is."""

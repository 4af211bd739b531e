"""Who calls: credentials exchanged for passports."""

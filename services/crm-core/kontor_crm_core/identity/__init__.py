"""What identifies a customer: addresses, numbers, domains, foreign ids."""

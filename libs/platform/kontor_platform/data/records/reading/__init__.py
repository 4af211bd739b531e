"""How a value that somebody wrote is read: one module for each family of types, all of them pure."""

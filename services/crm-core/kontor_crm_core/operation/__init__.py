"""Long work: what runs as a job in chunks, how far it has come, and what it left."""

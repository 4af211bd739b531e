"""What can be called, built from the services' descriptor images alone."""

"""Properties of links: typed by the link's type."""

"""Types of links: what they mean, what they ask and what they hold."""

"""What API servers call: the listener, its endpoints, and the objects and files that make them call."""

"""What API servers call: the listener, its endpoints, and how an API server is told of them."""

"""Which changes go where: resource patterns, label selectors, and rules made of both. Pure."""

"""Custom resources as a second source of configuration: read, compiled, and answered in their status."""

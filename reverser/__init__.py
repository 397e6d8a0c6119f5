"""reverser turns live Kubernetes API activity into clean, versioned YAML in Git."""

__version__ = "0.1.0"

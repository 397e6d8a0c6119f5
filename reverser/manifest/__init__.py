"""Manifests as text: YAML is read, written, edited in place, and compared. Pure."""

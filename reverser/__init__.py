"""reverser turns live Kubernetes API activity into clean, versioned YAML in Git.

Plugins import `hookimpl` and `MASK` from here, and the data that hooks carry from `reverser.model`.
"""

import pluggy

__version__ = "0.1.0"

hookimpl = pluggy.HookimplMarker("reverser")
"""Marks a function of a plugin as the implementation of the hook of the same name."""

MASK = "masked"
"""What a plugin's sanitizer puts in the place of a text that must not be kept."""

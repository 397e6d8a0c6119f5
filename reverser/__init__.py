"""reverser turns live Kubernetes API activity into clean, versioned YAML in Git.

Plugins import `hookimpl`, `MASK` and `API_VERSION` from here, and the data that hooks carry from
`reverser.model`.
"""

import pluggy

__version__ = "0.1.0"

hookimpl = pluggy.HookimplMarker("reverser")
"""Marks a function of a plugin as the implementation of the hook of the same name."""

API_VERSION = 1
"""Of all that plugins may rely on: see "What stays as it is" in docs/plugins.md."""

MASK = "masked"
"""What a plugin's sanitizer puts in the place of a text that must not be kept."""

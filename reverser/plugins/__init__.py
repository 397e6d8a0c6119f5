"""The plugin host: finds plugins, checks them, calls their hooks by rule, and keeps them apart.

`load` names what the configuration asks for, `register` checks it, `deciding_hooks` calls hooks inline,
`worker` runs the others where nobody waits for them. `guard` says what a sanitizer may do.
"""

from reverser.plugins.host import Host
from reverser.plugins.load import load
from reverser.plugins.plugin import Plugin

__all__ = ["Host", "Plugin", "load"]

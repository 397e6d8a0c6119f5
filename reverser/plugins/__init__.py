"""The plugin host: loads plugins, checks them, calls their hooks by rule, and isolates them.

`load` imports what the configuration names, `register` checks it, `deciding_hooks` calls hooks inline,
`worker` runs the others where nobody waits for them. `guard` says what a sanitizer may do.
"""

from reverser.plugins.host import Host
from reverser.plugins.load import load
from reverser.plugins.plugin import Plugin

__all__ = ["Host", "Plugin", "load"]

"""A loaded plugin, and one hook of it, ready to be called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec


class Plugin(msgspec.Struct, frozen=True):
    """One plugin, wherever it came from."""

    name: str
    """As in `[plugins] enabled`; a built-in one starts with `builtin.`."""
    code: Any
    """The module or object that has the hooks."""
    origin: str
    """Distribution and version, or the file it was read from."""
    stamp: str = ""
    """Of a file: tells one state of its code from another, as the version does of a distribution."""

    @property
    def builtin(self) -> bool:
        return self.name.startswith("builtin.")


class Hook(msgspec.Struct, frozen=True, eq=False):
    """One hook of one plugin. It takes what its function names, of all that the specification has."""

    plugin: Plugin
    name: str
    function: Callable[..., Any]
    places: tuple[int, ...]
    """Which of the specification's arguments the function takes, in its own order."""

    def call(self, *arguments: Any) -> Any:
        """Call it with all arguments of the specification; returns an awaitable for an `async def`."""
        return self.function(*[arguments[place] for place in self.places])

    def bound(self) -> Callable[[Sequence[Any]], Any]:
        """The same for one sequence of arguments, and quicker: most hooks take one or two."""
        function, places = self.function, self.places
        if not places:
            return lambda _: function()
        if len(places) == 1:
            (only,) = places
            return lambda arguments: function(arguments[only])
        if len(places) == 2:
            one, two = places
            return lambda arguments: function(arguments[one], arguments[two])
        return lambda arguments: function(*[arguments[place] for place in places])


Hooks = Mapping[str, tuple[Hook, ...]]
"""Name of the hook -> who implements it, in the order of calling."""

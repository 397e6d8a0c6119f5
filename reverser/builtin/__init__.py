"""The built-in hooks, as ordinary plugins: registered first, and replaceable one by one.

`[plugins] disabled` takes one out; an enabled plugin that answers the same hook goes before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reverser.builtin import exclusions, layouts, messages
from reverser.builtin.identities import Identities
from reverser.identity.author import Identify


def plugins(identify: Identify) -> Mapping[str, Any]:
    """Name -> the module or object with the hooks, in the order of calling."""
    return {
        "builtin.exclusions": exclusions,
        "builtin.layouts": layouts,
        "builtin.identities": Identities(identify),
        "builtin.messages": messages,
    }

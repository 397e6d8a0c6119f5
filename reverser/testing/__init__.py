"""For authors of plugins: sample data, and the contract that `reverser plugins check` holds plugins to.

    from reverser.testing import contract
    import my_plugin

    def test_contract():
        assert contract(my_plugin) == []

`contract` calls every deciding hook with samples and tells, a sentence each, what is not as
docs/plugins.md wants it: answers that depend on more than the arguments, arguments that were changed, a
sanitizer that adds something or goes on changing what it cleaned, a layout that lets two objects share a
file.
"""

from reverser.testing.contract import contract
from reverser.testing.samples import ACTORS, DESTINATION, TYPES, key_of, make, plan, samples

__all__ = ["ACTORS", "DESTINATION", "TYPES", "contract", "key_of", "make", "plan", "samples"]

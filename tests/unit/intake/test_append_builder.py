"""An append on its way: what it leaves behind of an object that is withheld."""

from __future__ import annotations

from reverser.errors import WithheldError
from reverser.intake.append_builder import AppendBuilder, WithheldObjects
from reverser.model.condition import Withheld
from reverser.model.entry import UNSEEN, Record, withhold
from reverser.model.resource import ObjectKey

KEY = ObjectKey("default", "", "configmaps", "shop", "web")
RECORD = Record("live", KEY, "shop/configmaps/web.yaml", b"digest", b"{}")


def test_a_version_that_is_withheld_counts_as_not_seen() -> None:
    """Whoever changes the object next has not written what was withheld, by a stage or by the journal."""
    for add in (
        lambda draft: draft.add("live", KEY, withhold("live", KEY, WithheldError("Bug", "x"), 0.0)),
        lambda draft: draft.withhold(Withheld("live", KEY, "Bug", "x", 0.0)),
    ):
        draft = AppendBuilder({("live", KEY): RECORD}, WithheldObjects())
        add(draft)
        kept = draft.record("live", KEY)
        assert kept is not None
        assert kept.latest == UNSEEN

"""What a leader tells the next one, and how far is pushed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from reverser.leader.checkpoint import Checkpoint, beginning, decode, encode, lasting_settings
from reverser.leader.watermarks import Watermarks
from reverser.model.journal import SealedFile, Standing
from reverser.model.resource import ObjectKey
from reverser.writer.resumption import ResumeFrom

FULL = Checkpoint(
    journal="j1",
    positions={"default/pods/": ("17", "all")},
    heads={"live": "c0ffee", "empty": ""},
    settings={"proven/live": "käse \U0001f600"},
    sealed={"live": {"a.yaml": SealedFile("01", "02")}},
)


def test_a_checkpoint_comes_back_from_as_many_parts_as_it_takes() -> None:
    """Whatever the size of a part is, all of it comes back."""
    for most in (1, 7, 50, 900_000):
        assert decode(encode(FULL, most)) == FULL


def test_parts_of_two_writes_make_no_checkpoint() -> None:
    """Nothing is known when a part is missing, or is of another write."""
    parts, others = encode(FULL, 50), encode(msgspec.structs.replace(FULL, journal="j2"), 50)
    assert decode([]) is None
    assert decode(parts[:-1]) is None
    assert decode([*parts[:-1], others[-1]]) is None
    assert decode([{"part": "{", "of": "1", "write": "x"}]) is None


def test_a_journal_begins_with_the_settings_and_where_each_destination_goes_on() -> None:
    """Also a destination whose branch was empty."""
    settings = beginning(FULL)
    assert settings["proven/live"] == FULL.settings["proven/live"]
    starts = {name: msgspec.json.decode(settings[f"resume/{name}"], type=ResumeFrom) for name in FULL.heads}
    assert starts == {"live": ResumeFrom("c0ffee", FULL.sealed["live"]), "empty": ResumeFrom("")}


def test_what_only_one_journal_can_use_is_not_passed_on() -> None:
    """Heads, ids and what people edited are read from the branch, or made anew."""
    settings = {
        "id": "j",
        "former": "{}",
        "head/live": "h",
        "touched/live": "{}",
        "uid/default": "u",
        "place/a": "",
    }
    assert lasting_settings(settings) == {"uid/default": "u"}


def standing(
    last_seq: int, version: str, head: str = "", *, withheld: tuple[ObjectKey, ...] = (), **oldest: int
) -> Standing:
    settings = {f"head/{name}": head for name in ("a", "b")}
    positions = {f"default/{name}/": (version, "all") for name in ("pods", "secrets")}
    return Standing(last_seq, oldest, positions, withheld, settings)


DESTINATIONS: Mapping[str, tuple[str, ...]] = {"default/pods/": ("a", "b"), "default/secrets/": ("b",)}


def test_a_position_counts_once_every_destination_has_all_before_it() -> None:
    """Under load the newest moment counts of which nothing is pending, with the head of then."""
    marks = Watermarks(lambda stream: DESTINATIONS[stream])
    assert marks.pushed(standing(0, "1", "h1")) == (
        {"default/pods/": ("1", "all"), "default/secrets/": ("1", "all")},
        {"a": "h1", "b": "h1"},
    )
    # Numbers 1 to 3 came with version 5, and nothing of them is pushed.
    positions, heads = marks.pushed(standing(3, "5", "h1", a=1, b=2))
    assert positions == {"default/pods/": ("1", "all"), "default/secrets/": ("1", "all")}
    # The second moment is pushed by b alone, while more has come.
    positions, heads = marks.pushed(standing(9, "8", "h2", a=3, b=4))
    assert positions == {"default/pods/": ("1", "all"), "default/secrets/": ("5", "all")}
    assert heads == {"a": "h1", "b": "h1"}
    # Nothing is pending.
    positions, heads = marks.pushed(standing(9, "8", "h3"))
    assert positions == {"default/pods/": ("8", "all"), "default/secrets/": ("8", "all")}
    assert heads == {"a": "h3", "b": "h3"}


def test_what_was_withheld_is_not_behind_a_position() -> None:
    """The type of an object that is withheld, or was at the moment of the position, has none."""
    marks = Watermarks(lambda _: ("a",))
    key = ObjectKey("default", "", "pods", "shop", "web")
    assert marks.pushed(standing(1, "1", withheld=(key,)))[0].keys() == {"default/secrets/"}
    assert marks.pushed(standing(2, "2", a=2))[0].keys() == {"default/secrets/"}
    assert marks.pushed(standing(2, "2"))[0].keys() == {"default/pods/", "default/secrets/"}


def test_a_destination_that_nothing_leads_to_yet_holds_everything_up() -> None:
    """Custom resources may name it later."""
    marks = Watermarks(lambda _: ("a",))
    assert marks.pushed(standing(3, "1", other=2), ["other"])[0] == {}
    assert marks.pushed(standing(3, "1", other=2))[0] != {}

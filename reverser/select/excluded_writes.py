"""An entry with its attribution in: does it make a commit of its own?

Nothing else is asked than the entry, so it can be asked whenever its attribution is final, and
again after a restart, with the same answer. An excluded entry is written like any other;
`writer.deferred_entries` says when, `writer.commit_subject_and_body` how its commit calls it.

Doubt includes: a write whose user is not proven is never excluded for its user, neither by
`exclude_users` nor by `only_users`, so that no stranger's change goes without a commit. Objects of
a snapshot and of a sweep have no user at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from reverser.model.attribution import Attribution
from reverser.model.change import Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Entry
from reverser.model.rule import Actors, Excluded
from reverser.select.rules import CompiledRule


def actors(rules: Iterable[CompiledRule]) -> tuple[Actors, ...]:
    """What these rules say of who writes; empty when one of them takes everybody's writes."""
    every = [compiled.actors for compiled in rules]
    return tuple(dict.fromkeys(filter(None, every))) if all(every) else ()


def excluded(entry: Entry) -> Excluded | None:
    """How an entry reaches Git without a commit of its own; None: it makes one.

    Where several rules select the object it makes one as soon as one of them does not exclude it;
    where they differ in the word, `skip` wins, which puts nothing into somebody else's commit.
    """
    if entry.origin is not Origin.LIVE or not entry.actors:
        return None
    if not all(_excludes(each, entry.attribution) for each in entry.actors):
        return None
    return "fold" if all(each.excluded == "fold" for each in entry.actors) else "skip"


def split_excluded(plan: CommitPlan) -> tuple[CommitPlan | None, tuple[Entry, ...]]:
    """(what the commit is about, the excluded entries in it); None: it is about the excluded ones."""
    own = tuple(entry for entry in plan.entries if not excluded(entry))
    aside = tuple(entry for entry in plan.entries if excluded(entry))
    return (CommitPlan(own) if own else None), aside


def _excludes(actors: Actors, attribution: Attribution) -> bool:
    if attribution.manager and _any(actors.exclude_managers, attribution.manager):
        return True
    if not attribution.named:
        return False
    user = attribution.actor.name
    return _any(actors.exclude_users, user) or bool(actors.only_users and not _any(actors.only_users, user))


def _any(globs: Iterable[str], name: str) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)

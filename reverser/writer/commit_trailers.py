"""What a commit says: subject, body, and trailers that machines read back.

    [UPDATE] shop/deployments.apps/web by unknown      operation, object, actor

    spec.replicas: 2 -> 5                              what changed

    Kubernetes-Object: apps/v1 Deployment shop/web     the last paragraph: trailers only

Live, snapshot and sweep plans have a subject and a body each, and so have writes that rules exclude, alone
or beside those of the plan's actor: `writer.commit_subject_and_body` writes them.
Names and values come from a cluster and may be hostile: each is put on one line, so that none can
forge a trailer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from reverser.identity.author import Identify
from reverser.manifest.field_changes import TRAILER, came_along_trailers
from reverser.model.attribution import Attribution, Correction
from reverser.model.change import Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Entry
from reverser.model.message import Message
from reverser.select.rules import split_excluded
from reverser.text import cut, visible
from reverser.writer.commit_subject_and_body import SUBJECT_CHARACTERS

NOBODY = "unknown <unknown@reverser.invalid>"
GROUPS_CHARACTERS = 400
MOST_NAMED = 20
"""Users, and managers, of excluded writes that a commit has trailers for."""

_TRAILER = re.compile(
    r"(?!Kubernetes-|Reverser-|Attribution$)[A-Za-z][A-Za-z0-9-]{0,60}", re.ASCII | re.IGNORECASE
)
"""Names that others may give their trailers: what ours say is evidence."""
_ENTRY = re.compile(r"([^/\s]+)/(\d{1,18})(?:-(\d{1,18}))?", re.ASCII)


def message(plan: CommitPlan, text: Message, journal_id: str, overwrote: Sequence[str] = ()) -> str:
    """The whole message: the text of whoever gives it, and our trailers in any case.

    `overwrote` names the commits of others whose edits of our files go under.
    """
    trailers = [
        *((name, value) for name, value in text.trailers if _TRAILER.fullmatch(name)),
        *_kubernetes_trailers(plan),
        *(("Reverser-Overwrote", commit) for commit in overwrote),
        *(("Reverser-Audit", entry.audit) for entry in plan.entries if entry.audit),
        *(("Reverser-Entry", f"{journal_id}/{run}") for run in entry_ranges(e.seq for e in plan.entries)),
    ]
    paragraphs = [cut(visible(text.subject), SUBJECT_CHARACTERS) or str(plan.first.key)]
    lines = [visible(line) for line in text.body]
    if any(lines):
        paragraphs.append("\n".join(lines))
    paragraphs.append("\n".join(f"{name}: {visible(value)}" for name, value in trailers))
    return "\n\n".join(paragraphs) + "\n"


def note(correction: Correction, journal_id: str) -> str:
    """What is noted at a commit of whose entry another author became known: trailers, as in messages."""
    trailers = [
        ("Reverser-Entry", f"{journal_id}/{correction.seq}"),
        *_actor_trailers([correction.attribution]),
    ]
    return "".join(f"{name}: {visible(value)}\n" for name, value in trailers)


def author(plan: CommitPlan, committer: str, identify: Identify) -> str:
    """`Name <email>` of the plan's author: its actor; else, with excluded writes alone too, the committer."""
    own, _ = split_excluded(plan)
    if own is None or own.first.origin is not Origin.LIVE:
        return committer
    attribution = own.first.attribution
    return identify(attribution.actor) if attribution.named else NOBODY


def entry_ranges(seqs: Iterable[int]) -> list[str]:
    """The numbers as `7` or `7-9`, one text a run without gaps, rising."""
    runs: list[list[int]] = []
    for seq in sorted(set(seqs)):
        if runs and runs[-1][-1] == seq - 1:
            runs[-1][1:] = [seq]
        else:
            runs.append([seq])
    return ["-".join(map(str, run)) for run in runs]


def parse_entry(value: str) -> tuple[str, int, int] | None:
    """(journal, first, last) of a `Reverser-Entry` trailer; None when it is not one of ours."""
    match = _ENTRY.fullmatch(value.strip())
    if not match:
        return None
    journal, first, last = match[1], int(match[2]), int(match[3] or match[2])
    return (journal, first, last) if first <= last else None


def _kubernetes_trailers(plan: CommitPlan) -> Iterator[tuple[str, str]]:
    """The trailers on what happened, to what, by whom."""
    yield "Kubernetes-Cluster", plan.first.key.cluster
    if plan.first.origin is not Origin.LIVE:
        return
    own, aside = split_excluded(plan)
    if own is not None:
        if len(own.entries) == 1:
            yield "Kubernetes-Object", _object_trailer(own.first)
            yield "Kubernetes-Operation", own.first.operation.value
        yield from _actor_trailers([entry.attribution for entry in own.entries])
        yield from ((TRAILER, value) for value in came_along_trailers(plan))
    yield from _excluded_trailers(
        "Excluded" if own is None else "Folded", [entry.attribution for entry in aside]
    )


def _actor_trailers(attributions: Sequence[Attribution]) -> Iterator[tuple[str, str]]:
    """The trailers on the actor, who is one for the whole plan, and on how we know."""
    actor = attributions[0].actor
    yield "Kubernetes-User", actor.name
    if actor.groups:
        yield "Kubernetes-Groups", cut(", ".join(actor.groups), GROUPS_CHARACTERS)
    for name, values in (
        ("Kubernetes-Impersonator", [each.impersonator for each in attributions]),
        ("Kubernetes-User-Agent", [each.user_agent for each in attributions]),
        ("Kubernetes-Manager", [each.manager for each in attributions]),
        ("Kubernetes-Candidates", [", ".join(each.candidates) for each in attributions]),
        ("Kubernetes-Caused-By", [each.caused_by for each in attributions]),
        ("Attribution", [each.evidence.value for each in attributions]),
    ):
        for value in sorted({*values} - {""}):
            yield name, value


def _excluded_trailers(word: str, attributions: Sequence[Attribution]) -> Iterator[tuple[str, str]]:
    """The trailers on those who wrote what rules exclude."""
    users = sorted({each.actor.name for each in attributions if each.named})
    managers = sorted({each.manager for each in attributions} - {""})
    yield from ((f"Kubernetes-{word}-User", user) for user in users[:MOST_NAMED])
    yield from ((f"Kubernetes-{word}-Manager", manager) for manager in managers[:MOST_NAMED])


def _object_trailer(entry: Entry) -> str:
    return f"{entry.api_version} {entry.kind} {entry.key.namespace or '_cluster'}/{entry.key.name}"

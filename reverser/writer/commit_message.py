"""What a commit says: subject, body, and trailers that machines read back.

    [UPDATE] shop/deployments.apps/web by unknown      operation, object, actor; or, with message = "seed",
    [UPDATE] apps/v1/deployments/web by user/unknown

    spec.replicas: 2 -> 5                              what changed

    Kubernetes-Object: apps/v1 Deployment shop/web     the last paragraph: trailers only

A plan is of one kind: live entries of one actor, with or without excluded ones of the same objects;
excluded entries alone; objects of a snapshot, or objects of a sweep. Each kind has a subject and a body.
Names and values come from a cluster and may be hostile: each is put on one line, so that none can
forge a trailer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from reverser.identity.author import Identify
from reverser.manifest.field_changes import TRAILER, along_lines, came_along_trailers
from reverser.model.attribution import Attribution, Correction
from reverser.model.change import Operation, Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Entry
from reverser.model.message import Message
from reverser.select.rules import split_excluded
from reverser.text import cut, visible

NOBODY = "unknown <unknown@reverser.invalid>"
GROUPS_CHARACTERS = 400
MOST_NAMED = 20
"""Users, and managers, of excluded writes that a commit has trailers for."""

_TRAILER = re.compile(
    r"(?!Kubernetes-|Reverser-|Attribution$)[A-Za-z][A-Za-z0-9-]{0,60}", re.ASCII | re.IGNORECASE
)
"""Names that others may give their trailers: what ours say is evidence."""
_ENTRY = re.compile(r"([^/\s]+)/(\d{1,18})(?:-(\d{1,18}))?", re.ASCII)


def message(
    plan: CommitPlan,
    text: Message,
    journal_id: str,
    overwrote: Sequence[str] = (),
    versions: Sequence[str] = (),
) -> str:
    """The whole message: the text of whoever gives it, and our trailers in any case.

    `overwrote` names the commits of others whose edits of our files go under; `versions` are what
    `writer.resumption.versions` gives.
    """
    trailers = [
        *((name, value) for name, value in text.trailers if _TRAILER.fullmatch(name)),
        *_kubernetes_trailers(plan),
        *(("Reverser-Overwrote", commit) for commit in overwrote),
        *(("Reverser-Version", version) for version in versions),
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


SUBJECT_CHARACTERS = 200
NAMED_OBJECTS = 20
"""A body names so many objects at most."""
_ACTOR_CHARACTERS = 60
_LINE_CHARACTERS = 200
_OF_A_SWEEP = (
    "A complete list of their type and scope no longer has these objects.\n"
    "They were deleted while nobody watched; who deleted them, and when, is not known."
)


def subject(plan: CommitPlan, *, seed: bool = False) -> str:
    """One line on the whole plan; `seed`: live changes as GitOps Reverser named them."""
    cluster = plan.first.key.cluster
    match plan.first.origin:
        case Origin.SNAPSHOT if all(entry.previous_path for entry in plan.entries):
            return f"Move of {cluster}: {_count(len(plan.entries), 'file')} to new paths"
        case Origin.SNAPSHOT:
            types = len({(e.key.group, e.key.resource) for e in plan.entries})
            return f"Snapshot of {cluster}: {_objects(plan)} in {_count(types, 'type')}"
        case Origin.SWEEP:
            return f"Sweep of {cluster}: {_objects(plan)} {_what_became(plan)}"
    own, _ = split_excluded(plan)
    return f"Excluded writes of {cluster}: {_objects(plan)}" if own is None else _live_subject(own, seed=seed)


def body(plan: CommitPlan) -> list[str]:
    """What there is to say beyond the subject; may be nothing."""
    if plan.first.origin is Origin.SNAPSHOT:
        return _snapshot_body(plan)
    if plan.first.origin is Origin.SWEEP:
        return [*_sweep_body(plan)]
    own, aside = split_excluded(plan)
    beside = _bounded(_live_line(entry, _by_whom(entry.attribution)) for entry in aside)
    if own is None:
        return beside
    return [*_live_body(own), *(["", "Folded in:", "", *beside] if beside else [])]


def _live_subject(plan: CommitPlan, *, seed: bool) -> str:
    operations = "+".join(sorted({entry.operation.value for entry in plan.entries}))
    user = "user/" if seed else ""
    by = f" by {user}{cut(plan.first.attribution.actor.name, _ACTOR_CHARACTERS)}"
    keys = {entry.key for entry in plan.entries}
    if len(keys) == 1:
        key = plan.first.key
        what = f"{plan.entries[-1].api_version}/{key.resource}/{key.name}" if seed else str(key)
    else:
        namespaces = {key.namespace or "_cluster" for key in keys}
        where = namespaces.pop() if len(namespaces) == 1 else f"{len(namespaces)} namespaces"
        what = f"{_objects(plan)} in {where}"
    start = f"[{operations}] "
    return start + cut(what, SUBJECT_CHARACTERS - len(start) - len(by)) + by


def _live_body(plan: CommitPlan) -> list[str]:
    if len(plan.entries) == 1:
        return [*plan.first.changes, *along_lines(plan.first), *_remarks(plan.first)]
    return _bounded(_live_line(entry) for entry in plan.entries)


def _by_whom(attribution: Attribution) -> str:
    """Who wrote what a rule excludes, and how we know."""
    if attribution.named:
        return f" by {cut(attribution.actor.name, _ACTOR_CHARACTERS)} ({attribution.evidence.value})"
    return f" by unknown (manager {cut(attribution.manager, _ACTOR_CHARACTERS)})"


def _live_line(entry: Entry, by: str = "") -> str:
    fields = [*entry.changes, *along_lines(entry)]
    details = [*fields[:1], *_remarks(entry)]
    more = f" (and {len(fields) - 1} more)" if len(fields) > 1 else ""
    detail = f": {'; '.join(details)}{more}" if details else ""
    return f"{entry.operation.value} {entry.key}{by}{detail}"


def _remarks(entry: Entry) -> Iterator[str]:
    if entry.reason:
        yield f"File removed; the object still exists: {entry.reason}."
    if entry.previous_path:
        yield f"Moved from {entry.previous_path}"


def _snapshot_body(plan: CommitPlan) -> list[str]:
    counts = Counter(entry.operation for entry in plan.entries)
    labels = {Operation.CREATE: "new", Operation.UPDATE: "changed", Operation.DELETE: "gone"}
    parts = [f"{counts[operation]} {label}" for operation, label in labels.items() if counts[operation]]
    moved = sum(1 for entry in plan.entries if entry.previous_path)
    return [", ".join([*parts, *([f"{moved} moved"] if moved else [])])]


def _sweep_body(plan: CommitPlan) -> Iterator[str]:
    deleted = [entry for entry in plan.entries if not entry.reason]
    left_out = [entry for entry in plan.entries if entry.reason]
    if deleted:
        yield from _OF_A_SWEEP.splitlines()
        yield ""
        yield from _bounded(str(entry.key) for entry in deleted)
    if deleted and left_out:
        yield ""
    if left_out:
        yield "Files removed; the objects still exist:"
        yield ""
        yield from _bounded(f"{entry.key}: {entry.reason}" for entry in left_out)


def _what_became(plan: CommitPlan) -> str:
    reasons = [bool(entry.reason) for entry in plan.entries]
    return "left out" if all(reasons) else "gone or left out" if any(reasons) else "gone"


def _objects(plan: CommitPlan) -> str:
    return _count(len({entry.key for entry in plan.entries}), "object")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _bounded(lines: Iterable[str]) -> list[str]:
    lines = [cut(line, _LINE_CHARACTERS) for line in lines]
    if len(lines) <= NAMED_OBJECTS:
        return lines
    return [*lines[: NAMED_OBJECTS - 1], f"… and {len(lines) - NAMED_OBJECTS + 1} more"]

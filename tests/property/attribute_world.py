"""A small API server without I/O: versions, writers, lost races, echoes. It knows who really wrote.

Every step is something that a cluster does. It leaves behind the facts that the webhooks would get
and the changes that the watch would show, in the order of the world's own clock.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import msgspec
from hypothesis import strategies as st

from reverser.model.attribution import Actor
from reverser.model.change import Operation
from reverser.model.fact import Fact, Source
from reverser.model.observed_write import ObservedWrite
from reverser.model.resource import ObjectKey

ACTORS = ("alice", "bob", "carol", "flux")
TOOLS = {"alice": "kubectl-edit", "bob": "kubectl-edit", "carol": "helm", "flux": "kustomize-controller"}
TICK = 0.1


@dataclass
class Object:
    """What is stored of one object."""

    name: str
    uid: str
    content: str
    version: int = 0
    replicas: int = 1
    finalizer: bool = False
    terminating: bool = False
    stamp: float = 0.0

    @property
    def digest(self) -> bytes:
        return digest(self.content, self.replicas)


@dataclass(frozen=True)
class Change:
    """A change of content, and the actor who really made it."""

    at: float
    subject: ObservedWrite
    author: str


@dataclass(frozen=True)
class Step:
    """One thing that happens to one object, and who else tries in the same moment."""

    kind: str
    actor: str
    name: str
    content: str
    replicas: int
    other: str
    rival: str
    pause: float
    comparable: bool


def digest(content: str, replicas: int) -> bytes:
    return f"{content}/{replicas}".encode()


@dataclass
class World:
    """Runs steps; `facts`, `changes` and `events` (all versions) are what came of them."""

    own_content: bool = False
    """Each actor writes content that nobody else writes."""
    now: float = 1000.0
    revision: int = 10
    objects: dict[str, Object] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    events: list[tuple[float, str, str]] = field(default_factory=list)
    ids: itertools.count[int] = field(default_factory=itertools.count)

    def run(self, steps: list[Step]) -> World:
        for step in steps:
            self.now += step.pause
            found = self.objects.get(step.name)
            if found is None:
                self.create(step)
            else:
                getattr(self, step.kind)(found, step)
        return self

    def create(self, step: Step) -> None:
        made = Object(step.name, f"uid-{next(self.ids)}", self._content(step.actor, step.content))
        made.finalizer = step.replicas == 3
        self._asked(made, step.actor, Operation.CREATE, comparable=step.comparable)
        self.objects[step.name] = made
        self._stored(made, step.actor, Operation.CREATE, None)

    def write(self, found: Object, step: Step) -> None:
        """A write that wins; the rival met the same version, loses, and gives up."""
        wanted = self._wanted(found, step.actor, step)
        if step.rival and step.replicas == found.replicas:
            self._asked(self._wanted(found, step.rival, step, step.other), step.rival, comparable=True)
        elif step.rival:
            self._asked(self._scaled(found, step), step.rival, scale=True)
        self._attempt(found, step.actor, wanted, comparable=step.comparable)

    def retried(self, found: Object, step: Step) -> None:
        """A status write gets in between: the server asks again with the new version."""
        self._asked(self._wanted(found, step.actor, step), step.actor, comparable=step.comparable)
        self.status(found, step)
        self._attempt(found, step.actor, self._wanted(found, step.actor, step), comparable=step.comparable)

    def lost_and_retried(self, found: Object, step: Step) -> None:
        """A rival wins; the actor meets the rival's version at the second attempt."""
        self._asked(self._wanted(found, step.actor, step), step.actor, comparable=step.comparable)
        if step.rival:
            self._attempt(
                found, step.rival, self._wanted(found, step.rival, step, step.other), comparable=True
            )
        self._attempt(found, step.actor, self._wanted(found, step.actor, step), comparable=step.comparable)

    def scale(self, found: Object, step: Step) -> None:
        if step.rival:
            self._asked(self._scaled(found, step), step.rival, scale=True)
        self._attempt(found, step.actor, self._scaled(found, step), scale=True)

    def status(self, found: Object, step: Step) -> None:
        """Only the version changes; a status is never asked about."""
        self._bump(found)

    def labelled(self, found: Object, step: Step) -> None:
        """A status write that changes a label too: admission is not asked, and audit does not count it."""
        before = Object(found.name, found.uid, found.content, found.version, found.replicas)
        found.content = self._content(step.actor, step.content)
        if found.digest == before.digest:
            self.status(found, step)
        else:
            self._stored(found, step.actor, Operation.UPDATE, before, "status")

    def noop(self, found: Object, step: Step) -> None:
        self._attempt(found, step.actor, found, comparable=step.comparable)

    def dry(self, found: Object, step: Step) -> None:
        wanted = self._wanted(found, step.actor, step)
        self._asked(wanted, step.actor, comparable=True, dry_run=True)
        self._told(wanted, step.actor, Operation.UPDATE, str(found.version), dry_run=True)

    def rejected(self, found: Object, step: Step) -> None:
        """A later webhook says no: admission cannot know, audit does."""
        wanted = self._wanted(found, step.actor, step)
        self._asked(wanted, step.actor, comparable=step.comparable or not self.own_content)
        self._told(wanted, step.actor, Operation.UPDATE, str(found.version), code=403)

    def conflict(self, found: Object, step: Step) -> None:
        self._told(found, step.actor, Operation.UPDATE, str(found.version), code=409)

    def delete(self, found: Object, step: Step) -> None:
        """Marked when there is a finalizer, and gone otherwise; twice is an echo."""
        if step.rival and not found.terminating:
            self._asked(found, step.rival, Operation.DELETE)
        self._asked(found, step.actor, Operation.DELETE)
        if found.terminating:
            self._told(found, step.actor, Operation.DELETE, str(found.version))
        elif found.finalizer:
            found.terminating = True
            self._stored(found, step.actor, Operation.DELETE, found)
        else:
            self._stored(found, step.actor, Operation.DELETE, found)
            del self.objects[found.name]

    def finalize(self, found: Object, step: Step) -> None:
        """Whoever removes the finalizer of a dying object makes it go, and is not its deleter."""
        if not found.terminating:
            return
        self._asked(found, step.actor, Operation.UPDATE)
        self._bump(found)
        self._told(found, step.actor, Operation.UPDATE, str(found.version))
        del self.objects[found.name]

    def _wanted(self, found: Object, actor: str, step: Step, content: str = "") -> Object:
        text = self._content(actor, content or step.content)
        replicas = step.replicas if step.kind == "write" and step.comparable else found.replicas
        return Object(found.name, found.uid, text, found.version, replicas)

    def _scaled(self, found: Object, step: Step) -> Object:
        return Object(found.name, found.uid, found.content, found.version, step.replicas)

    def _content(self, actor: str, content: str) -> str:
        return f"{actor}: {content}" if self.own_content else content

    def _attempt(
        self, found: Object, actor: str, wanted: Object, *, comparable: bool = True, scale: bool = False
    ) -> None:
        """The attempt that wins, or that changes nothing."""
        self._asked(wanted, actor, comparable=comparable, scale=scale)
        if wanted.digest == found.digest:
            self._told(found, actor, Operation.UPDATE, str(found.version))
            return
        before = Object(found.name, found.uid, found.content, found.version, found.replicas)
        found.content, found.replicas = wanted.content, wanted.replicas
        self._stored(found, actor, Operation.UPDATE, before, "scale" if scale else "")

    def _asked(
        self,
        wanted: Object,
        actor: str,
        operation: Operation = Operation.UPDATE,
        *,
        comparable: bool = True,
        scale: bool = False,
        dry_run: bool = False,
    ) -> None:
        self.now += TICK / 10
        previous = "" if operation is Operation.CREATE else str(wanted.version)
        self.facts.append(
            self._fact(
                Source.ADMISSION, wanted, actor, operation, previous_version=previous, dry_run=dry_run,
                digest=wanted.digest if comparable and not scale else b"",
                replicas=wanted.replicas if scale else None, subresource="scale" if scale else "",
            )
        )  # fmt: skip

    def _told(
        self,
        found: Object,
        actor: str,
        operation: Operation,
        version: str,
        *,
        code: int = 200,
        dry_run: bool = False,
        through: str = "",
    ) -> None:
        self.facts.append(
            self._fact(
                Source.AUDIT, found, actor, operation, version=version, code=code, dry_run=dry_run,
                subresource=through,
                completed_at=self.now + TICK / 10,
            )
        )  # fmt: skip

    def _fact(self, source: Source, found: Object, actor: str, operation: Operation, **more: object) -> Fact:
        manager = TOOLS[actor] if operation is not Operation.DELETE else ""
        return Fact(
            id=f"{source.value}-{next(self.ids)}", cluster="default", source=source, group="apps",
            resource="deployments", namespace="shop", name=found.name, uid=found.uid, operation=operation,
            actor=Actor(actor), manager=manager, at=self.now,
            user_agent=f"agent-{next(self.ids)}", **more,  # type: ignore[arg-type]
        )  # fmt: skip

    def _bump(self, found: Object) -> None:
        self.now += TICK / 10
        self.revision += 1
        found.version = self.revision
        self.events.append((self.now, found.uid, str(found.version)))

    def _stored(
        self, found: Object, actor: str, operation: Operation, before: Object | None, through: str = ""
    ) -> None:
        previous = "" if operation is Operation.CREATE else str((before or found).version)
        self._bump(found)
        removed = operation is Operation.DELETE and not found.terminating
        self._told(found, actor, operation, "" if removed else str(found.version), through=through)
        subject = ObservedWrite(
            key=ObjectKey("default", "apps", "deployments", "shop", found.name), kind="Deployment",
            uid=found.uid, operation=operation, version=str(found.version), previous_version=previous,
            removed=removed, digest=found.digest, manager=TOOLS[actor], seen_at=self.now + TICK / 10,
            replicas_before=before.replicas if before else None, replicas=found.replicas,
            replicas_only=before is not None and before.content == found.content,
            written_at=self._stamp(found, operation), subresource=through,
        )  # fmt: skip
        if through == "status":
            unstamped = {"manager": "", "written_at": 0.0, "subresource": None, "status_written": True}
            subject = msgspec.structs.replace(subject, **unstamped)
        self.changes.append(Change(self.now, subject, actor))

    def _stamp(self, found: Object, operation: Operation) -> float:
        """Whole seconds; a second write in one second is not told apart by it."""
        second = math.floor(self.now)
        fresh = second > found.stamp and operation is not Operation.DELETE
        found.stamp = second
        return float(second) if fresh else 0.0


KINDS = (
    "write", "retried", "lost_and_retried", "scale", "status", "noop", "dry", "rejected", "conflict",
    "delete", "finalize",
)  # fmt: skip


def steps(
    kinds: tuple[str, ...] = KINDS,
    *,
    rivals: bool = True,
    old_versions: bool = True,
    names: tuple[str, ...] = ("web", "api"),
    contents: str = "xyz",
) -> st.SearchStrategy[list[Step]]:
    """Some steps on few objects, with little content, so that it repeats often."""
    one = st.builds(
        Step,
        kind=st.sampled_from(kinds),
        actor=st.sampled_from(ACTORS),
        name=st.sampled_from(names),
        content=st.sampled_from(contents),
        replicas=st.integers(1, 3),
        other=st.sampled_from(contents),
        rival=st.sampled_from(("", *ACTORS)) if rivals else st.just(""),
        pause=st.sampled_from((TICK, TICK, 1.0, 5.0)),
        comparable=st.sampled_from((True, True, False)) if old_versions else st.just(True),
    )
    return st.lists(one, min_size=1, max_size=25)

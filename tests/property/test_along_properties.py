"""Histories of several writers on one object, from the watch to the commits: no field is laid to another.

The walk is that of the daemon: `decide`, what the journal keeps (through its rows, as after a restart), the
window with its folds, the words and trailers of each commit.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reverser.errors import WithheldError
from reverser.intake.append_builder import AppendBuilder, WithheldObjects
from reverser.intake.decide import decide
from reverser.intake.route import Route, compile_routes
from reverser.journal import rows
from reverser.manifest.field_changes import TRAILER, parse_came_along
from reverser.model.attribution import Actor, Attribution, Evidence
from reverser.model.change import Change, Origin, Stream
from reverser.model.commit import CommitPlan
from reverser.model.destination import Destination
from reverser.model.entry import Record, withhold
from reverser.model.message import Message
from reverser.model.resource import ResourceType
from reverser.model.rule import Rule, SanitizeRule
from reverser.writer.commit_message import author, body, message, subject
from reverser.writer.window import Window
from tests.hooks import HOOKS

TYPE = ResourceType("apps", "v1", "deployments", "Deployment", True)
STREAM = Stream("default", TYPE)
KEY = STREAM.key("shop", "web")
PEOPLE = ("alice", "bob", "carol")
FLUX = "flux"
FIELDS = (
    "spec.replicas",
    "spec.paused",
    "metadata.labels.a",
    "metadata.labels.b",
    "metadata.annotations.noise",
    "metadata.annotations.note",
    "spec.template.spec.containers[web].image",
)
OBJECT = "shop/deployments.apps/web"


class Step(msgspec.Struct, frozen=True):
    """One write, or one thing that happens to the daemon."""

    who: str
    field: str
    value: int | None
    how: str = "seen"


def steps() -> st.SearchStrategy[list[Step]]:
    one = st.builds(
        Step,
        st.sampled_from((*PEOPLE, FLUX, "hpa")),
        st.sampled_from(FIELDS),
        st.sampled_from((None, 1, 2, 3)),
        st.sampled_from(("seen",) * 8 + ("withheld", "listed", "unselected", "late")),
    )
    return st.lists(one, min_size=1, max_size=14)


class Cluster:
    """The object, and who wrote each of its fields last."""

    def __init__(self) -> None:
        self.obj: dict[str, Any] | None = None
        self.owner: dict[str, str] = {}

    def write(self, step: Step) -> bool:
        """Whether the object was made by this."""
        made = self.obj is None
        before = leaves(self.obj) if self.obj else {}
        if self.obj is None:
            self.obj = {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "web", "namespace": "shop", "uid": "u", "managedFields": []},
                "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "i:0"}]}}},
            }
        put(self.obj, step.field, step.value)
        after = leaves(self.obj)
        for path in before.keys() | after.keys():
            if before.get(path) != after.get(path):
                self.owner[path] = step.who
        return made


def put(obj: dict[str, Any], field: str, value: int | None) -> None:
    if field.startswith("spec.template"):
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = f"i:{value}"
        return
    *way, last = field.split(".")
    node = obj
    for name in way:
        node = node.setdefault(name, {})
    if value is None:
        node.pop(last, None)
        if not node:
            obj["metadata"].pop(way[-1], None)
    else:
        node[last] = value if way == ["spec"] and last == "replicas" else str(value)


def leaves(node: Any, path: str = "") -> dict[str, Any]:
    """path, as bodies spell it -> value."""
    if isinstance(node, dict):
        found: dict[str, Any] = {}
        for key, value in node.items():
            found |= leaves(value, f"{path}.{key}" if path else key)
        return found
    if isinstance(node, list):
        found = {}
        for item in node:
            found |= leaves(item, f"{path}[{item['name']}]")
        return found
    return {path: node}


class Daemon:
    """What stands between the cluster and the branch."""

    def __init__(self, *, fold: bool, window: float) -> None:
        excluded = "fold" if fold else "skip"
        self.route = make_route(Rule("some", "live", exclude_users=(FLUX,), excluded=excluded))
        self.creations = make_route(Rule("some", "live", operations=("create", "delete")))
        self.window = Window(window, 50.0)
        self.records: dict[Any, Record] = {}
        self.seq = 0
        self.plans: list[CommitPlan] = []

    def see(self, cluster: Cluster, step: Step, now: float, *, created: bool) -> None:
        origin = Origin.SNAPSHOT if step.how == "listed" else Origin.LIVE
        assert cluster.obj is not None
        obj = copy.deepcopy(cluster.obj)
        change = Change(STREAM, KEY, origin, False, obj, "1", now, created=created)
        place = ("live", KEY)
        draft = AppendBuilder(dict(self.records), WithheldObjects())
        if step.how == "withheld":
            decision = withhold("live", KEY, WithheldError("Policy", "no", key=KEY), now)
        else:
            route = self.creations if step.how == "unselected" else self.route
            decision = decide(route, change, draft.record(*place), scaled=True)
        if decision.entry is not None and origin is Origin.LIVE:
            who = Attribution(Actor(step.who), Evidence.ADMISSION)
            decision = msgspec.structs.replace(
                decision, entry=msgspec.structs.replace(decision.entry, attribution=who)
            )
        draft.add(*place, decision)
        append = draft.build()
        # As the journal keeps them, so that each step may come after a restart.
        self.records.update((place, rows.record_of(rows.record_row(each))) for each in append.records)
        for entry in append.entries:
            self.seq += 1
            row = (self.seq, now, rows.entry_row(entry, now)[2])
            self.window.feed([rows.entry_of(row)], now)
        self.plans += self.window.ready(now)


def make_route(rule: Rule) -> Route:
    noise = SanitizeRule(("deployments",), insignificant=("metadata.annotations.noise",))
    there = Destination("live", "ssh://git@example.com/org/live.git")
    (made,) = compile_routes((rule,), [there], (noise,), b"k", HOOKS)["default"]
    return made


@settings(max_examples=400, deadline=None)
@given(history=steps(), fold=st.booleans(), window=st.sampled_from((0.0, 30.0)))
def test_nobody_is_blamed_for_what_another_wrote(history: list[Step], fold: bool, window: float) -> None:
    """Each line of a body, and each field of a commit that no trailer leaves nameless, is its author's."""
    cluster, daemon = Cluster(), Daemon(fold=fold, window=window)
    owners: dict[int, dict[str, str]] = {}
    for number, step in enumerate(history):
        now = 100.0 + number * (40 if step.how == "late" else 1)
        created = cluster.write(step)
        daemon.see(cluster, step, now, created=created)
        owners.setdefault(daemon.seq, dict(cluster.owner))
    daemon.plans += daemon.window.flush()

    before: dict[str, Any] = {}
    for plan in daemon.plans:
        content = plan.entries[-1].edit.content
        after = leaves(yaml.safe_load(content)) if content else {}
        check(plan, before, after, owners)
        before = after


def check(plan: CommitPlan, before: dict[str, Any], after: dict[str, Any], owners: dict[int, Any]) -> None:
    words = Message(subject(plan), tuple(body(plan)))
    text = message(plan, words, "j")
    by = author(plan, "committer <c@x>", lambda actor: actor.name)
    if by not in PEOPLE and by not in ("hpa", FLUX):
        return
    owner = owners[plan.entries[-1].seq]
    trailers = re.findall(rf"^{TRAILER}: (.*)$", text, re.MULTILINE)
    nameless = [path for path, _ in filter(None, map(parse_came_along, trailers))]
    for path in before.keys() | after.keys():
        if before.get(path) != after.get(path) and not covered(path, nameless):
            assert owner[path] == by, (path, by, text)
    for path in claimed_in(text, plan):
        mine = {each.seq for each in plan.entries if each.attribution.actor.name == by}
        written = {owners[seq].get(each) for seq in mine for each in owners[seq] if each.startswith(path)}
        assert by in written, (path, by, text)


def covered(path: str, nameless: list[str]) -> bool:
    return any(each == "*" or path == each or path.startswith((f"{each}.", f"{each}[")) for each in nameless)


def claimed_in(text: str, plan: CommitPlan) -> Iterator[str]:
    """The paths that the body of a commit of one entry claims for its author."""
    if len(plan.entries) > 1:
        return
    for line in text.partition("\n\n")[2].rpartition("\n\n")[0].splitlines():
        if not line.endswith("come along)") and not line.endswith("(came along)") and ": " in line:
            yield line.partition(": ")[0]

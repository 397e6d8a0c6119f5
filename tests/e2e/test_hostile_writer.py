"""A hostile writer with every right on one namespace never has his content under somebody else's name.

A random program of his requests among honest ones, with audit alone, admission alone, both, and in a
replay of the audit log; on a real API server. It runs a few seconds; REVERSER_HOSTILE_SECONDS=1200 lets it
run longer, REVERSER_HOSTILE_SEED runs one again.

With audit alone he does not take the field managers of those who repeat: see docs/attribution.md, "Audit
alone is no proof".
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit_log import BRANCH, History
from tests.e2e.daemon import wait_for
from tests.e2e.remote import Remote, git
from tests.e2e.servers import ControlPlane
from tests.e2e.who.audited import LOG
from tests.e2e.who.hostile import GUARDED, PUPPET, Program
from tests.e2e.who.ledger import UNKNOWN
from tests.e2e.who.people import Hands
from tests.e2e.who.stage import SOURCES, Stage

SECONDS = float(os.environ.get("REVERSER_HOSTILE_SECONDS", "12"))
"""Of all sources of evidence together."""
LONG = "REVERSER_HOSTILE_SECONDS" in os.environ
SEED = os.environ.get("REVERSER_HOSTILE_SEED") or (secrets.token_hex(4) if LONG else "each-change")
"""The short run tries the same programs for each change; a long one looks for what nobody has tried."""
STEPS = 25
"""Of one program, each in a namespace of its own."""
MARK = re.compile(r"^\+.*: (alice|bob|mallory|puppet)-\d+$", re.MULTILINE)
REGISTRATION = "admissionregistration.k8s.io/v1"


@pytest.fixture(params=["audit", "admission", "both"])
def stage(request: pytest.FixtureRequest, plane: ControlPlane, tmp_path: Path) -> Iterator[Stage]:
    """A running daemon, told by webhooks, and a policy that keeps some objects from being deleted by him."""
    with Stage.open(plane, SOURCES[request.param], tmp_path) as opened:
        made = json.dumps({"apiVersion": "v1", "kind": "List", "items": _guard()})
        opened.plane.kubectl("apply", "-f", "-", input=made)
        yield opened
        opened.plane.kubectl("delete", "-f", "-", input=made)


def test_his_content_is_never_under_another_name(stage: Stage, tmp_path: Path) -> None:
    """Whoever is named for a change has made it, while live and in a replay of what audit logged."""
    until, count, spaces = time.monotonic() + SECONDS / 3, 0, list[str]()
    totals: Counter[str] = Counter()
    print(f"REVERSER_HOSTILE_SEED={SEED} with {stage.source.name}")
    while not count or time.monotonic() < until:
        hands = stage.enter()
        _admit(stage.plane, hands.namespace)
        program = Program(hands, f"{SEED}-{stage.source.name}-{count}", lies=stage.source.name != "audit")
        try:
            while program.steps < STEPS:
                program.step()
        finally:
            program.close()
        totals += _compared(stage, hands, program)
        count += 1
        spaces.append(hands.namespace)
        stage.forget()
    if stage.source.audit:
        totals["replayed"] = _replayed(tmp_path, spaces)
    print(f"{stage.source.name}: {count} programs, {dict(totals)}, wrong = 0")


def _compared(stage: Stage, hands: Hands, program: Program) -> Counter[str]:
    """Every commit, in the order of its file, beside who made that change."""
    remote, truth = stage.setting.remote, program.truth
    stage.setting.daemon_idle()
    wait_for("all commits", lambda: _authors(remote, hands, truth)[1] >= sum(map(len, truth.values())), 60)
    found, _ = _authors(remote, hands, truth)
    for path, made in truth.items():
        said = found[path]
        assert len(said) == len(made), (path, made, said)
        wrong = [pair for pair in zip(made, said, strict=True) if pair[1] not in (pair[0], UNKNOWN)]
        assert not wrong, f"{path}: {list(zip(made, said, strict=True))}; again: REVERSER_HOSTILE_SEED={SEED}"
    names = [name for said in found.values() for name in said]
    unknown = names.count(UNKNOWN)
    counted = {"steps": program.steps, "requests": program.requests, "repeated": program.repeated}
    return Counter({**counted, "changes": len(names), "named": len(names) - unknown, "unknown": unknown})


def _authors(remote: Remote, hands: Hands, truth: dict[str, list[str]]) -> tuple[dict[str, list[str]], int]:
    """The authors of each path's commits, oldest first, and how many there are."""
    text = git(
        "-C",
        remote.path,
        "log",
        "--reverse",
        "--format=%x01%an",
        "--name-only",
        "main",
        "--",
        hands.namespace,
    )
    found: dict[str, list[str]] = {path: [] for path in truth}
    for commit in text.split("\x01")[1:]:
        author, *paths = commit.split("\n")
        for path in filter(None, paths):
            place = path.removeprefix(f"{hands.namespace}/").removesuffix(".yaml")
            if place in found:
                found[place].append(author)
    return found, sum(map(len, found.values()))


def _replayed(folder: Path, spaces: list[str]) -> int:
    """How many changes the audit log tells; none of them is under the name of another than its content."""
    rules = [{"name": "all", "destination": "live", "namespaces": spaces, "cluster_scoped": False}]
    history = History(folder / "replay", rules=rules)
    history.run(folder / LOG)
    text = git("-C", history.remote.path, "log", "-p", "--unified=0", "--format=%x01%an%x00%H%x00", BRANCH)
    commits = [commit.split("\0") for commit in text.split("\x01")[1:]]
    for author, commit, patch in commits:
        wrong = [] if author == UNKNOWN else [mark[1] for mark in MARK.finditer(patch) if mark[1] != author]
        assert not wrong, git("-C", history.remote.path, "show", commit) + f"\nREVERSER_HOSTILE_SEED={SEED}"
    return len(commits)


def _admit(plane: ControlPlane, namespace: str) -> None:
    """Mallory and his puppet may do anything here, and he may act as his puppet."""
    for user in ("mallory", PUPPET):
        given = ("--clusterrole=cluster-admin", f"--user={user}")
        plane.kubectl("-n", namespace, "create", "rolebinding", user, *given)
    role = ("create", "clusterrole", "puppeteer", "--verb=impersonate", "--resource=users")
    plane.kubectl(*role, f"--resource-name={PUPPET}", check=False)
    plane.kubectl(
        "create", "clusterrolebinding", "puppeteer", "--clusterrole=puppeteer", "--user=mallory", check=False
    )


def _guard() -> list[dict[str, object]]:
    name = "guard.who.example.com"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["configmaps"]}
    policy = {
        "matchConstraints": {"resourceRules": [rule]},
        "matchConditions": [
            {"name": "his", "expression": f'request.userInfo.username in ["mallory", "{PUPPET}"]'}
        ],
        "validations": [{"expression": f'!oldObject.metadata.name.startsWith("{GUARDED}")'}],
    }
    binding = {"policyName": name, "validationActions": ["Deny"]}
    return [
        {"apiVersion": REGISTRATION, "kind": kind, "metadata": {"name": name}, "spec": spec}
        for kind, spec in (
            ("ValidatingAdmissionPolicy", policy),
            ("ValidatingAdmissionPolicyBinding", binding),
        )
    ]

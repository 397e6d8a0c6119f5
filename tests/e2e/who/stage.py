"""One daemon for all scenarios of one source of evidence, and the comparison after each of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.cli import reverser
from tests.e2e.daemon import wait_for
from tests.e2e.servers import ControlPlane
from tests.e2e.setting import Setting
from tests.e2e.who.audited import audited
from tests.e2e.who.ledger import Row, create, rows, same, shown, silent
from tests.e2e.who.objects import GADGETS
from tests.e2e.who.people import PEOPLE, Hands
from tests.e2e.who.refuser import refusing
from tests.ports import free_port

CLUSTER_SCOPED = ("namespaces", "clusterroles", "customresourcedefinitions", "persistentvolumes")

PATH_SECRET = "canary-path-0123456789abcdef0123456789"
GRACE = 3
"""For audit; half of what users have, since every scenario waits for it."""


_RUNS = itertools.count(1)


class Source(NamedTuple):
    """Which webhooks tell the daemon who does what."""

    name: str
    admission: bool = False
    audit: bool = False
    run: int = 0
    """Tells the namespaces of stages on one API server apart."""

    @property
    def space(self) -> str:
        """How its namespaces' names begin."""
        return f"who{self.run}-{self.name}"

    @property
    def webhook(self) -> dict[str, Any]:
        """The one with both webhooks has a secret in their paths."""
        return {"path_secret": PATH_SECRET} if self.admission and self.audit else {}

    @property
    def rules(self) -> list[dict[str, Any]]:
        return _rules(f"{self.space}*")

    @property
    def telling(self) -> list[str]:
        """The metrics that say that somebody tells."""
        metrics = {"admission_reviews_total": self.admission, "audit_events_total": self.audit}
        return [f"gitopsreverser_{name}" for name, used in metrics.items() if used]

    def expected(self, told: list[Row]) -> list[Row]:
        """What Git must say, given what it says where the admission webhook tells."""
        if self.audit:
            return [row.by_audit() for row in told]
        return told if self.admission else silent(told)


SOURCES = {
    source.name: source
    for source in (
        Source("admission", admission=True),
        Source("audit", audit=True),
        Source("both", admission=True, audit=True),
        Source("neither"),
    )
}


class Stage:
    """A running daemon, and namespaces for scenarios that it follows."""

    def __init__(self, plane: ControlPlane, source: Source, folder: Path) -> None:
        self.plane = plane
        self.source = source
        self._space = source.space
        self._numbers = itertools.count(1)
        plane.create("/api/v1/namespaces", {"metadata": {"name": self._space}})
        self.setting = Setting(plane, self._space, folder)
        self.setting.daemon.write(rules=source.rules)
        self._since = ""
        self._checked = True

    @classmethod
    @contextmanager
    def open(cls, plane: ControlPlane, source: Source, folder: Path) -> Iterator[Stage]:
        """A stage for as long as the context lasts; people may do anything meanwhile.

        An API server takes its audit settings at its start only: then the stage has one of its own.
        """
        source = source._replace(run=next(_RUNS))
        url = f"https://127.0.0.1:{free_port()}"
        with ExitStack() as stack:
            if source.audit:
                plane = stack.enter_context(audited(folder, url, source.rules, source.webhook))
            stack.enter_context(_peopled(plane))
            stage = cls(plane, source, folder)
            stack.callback(stage.setting.daemon.kill)
            stage._start(url)
            if source.admission:
                stack.callback(stage._webhook, "uninstall")
            stack.enter_context(refusing(plane))
            yield stage

    def enter(self) -> Hands:
        """A fresh namespace; what happened before is behind us."""
        if not self._checked:
            self.forget()
        name = f"{self._space}-{next(self._numbers)}"
        self.plane.create("/api/v1/namespaces", {"metadata": {"name": name}})
        self.plane.wait_for_account(name)
        remote = self.setting.remote
        wait_for("the namespace", lambda: f"_cluster/namespaces/{name}.yaml" in remote.paths())
        hands = Hands(self.plane, name, remote)
        self.check(hands, [create(f"_cluster/namespaces/{name}", "admin")])
        self._checked = False
        return hands

    def check(self, hands: Hands, told: list[Row]) -> None:
        """All commits since the last check are these, nothing more and nothing less."""
        expected = self.source.expected(told)
        self._waited(lambda: len(self._rows(hands)) >= len(expected))
        self.setting.daemon_idle()
        found, self._since, self._checked = self._rows(hands), self.setting.remote.head(), True
        assert same(expected, found), shown(expected, found)

    def commits(self, hands: Hands) -> int:
        """How many commits there are since the last check."""
        return len(self._rows(hands))

    def named(self, people: list[str]) -> list[str]:
        """The authors that Git must name for what these people did."""
        return [row.author for row in self.source.expected([create("", person) for person in people])]

    def forget(self) -> None:
        """What happened so far was looked at."""
        self.setting.daemon_idle()
        self._since, self._checked = self.setting.remote.head(), True

    def _rows(self, hands: Hands) -> list[Row]:
        found = rows(self.setting.remote, self._since, hands.namespace)
        return [row for row in found if "/configmaps/marker-" not in row.path]

    def _waited(self, condition: Callable[[], bool]) -> None:
        """Too few commits are told by the comparison, which shows which."""
        try:
            wait_for("the commits", condition, 20)
        except AssertionError:
            return

    def _start(self, url: str) -> None:
        daemon = self.setting.daemon
        if self.source.telling:
            webhook = {"bind": url.removeprefix("https://"), **self.source.webhook}
            daemon.write(webhook=webhook, audit={"grace_seconds": GRACE})
        daemon.start().ready()
        if self.source.admission:
            self._webhook("install", "--url", url)
        for metric in self.source.telling:
            wait_for(f"the first of {metric}", lambda metric=metric: self._told(metric))
        self.setting.daemon_idle()
        self._since = self.setting.remote.head()

    def _told(self, metric: str) -> bool:
        """The API server takes a new registration over within a second or two."""
        self.setting.daemon_idle()
        return self.setting.daemon.metric(metric) > 0

    def _webhook(self, *arguments: str) -> None:
        config, admin = self.setting.daemon.config, self.plane.kubeconfig()
        done = reverser("webhook", *arguments, "--config", config, kubeconfig=admin)
        assert done.returncode == 0, done.stderr


@contextmanager
def _peopled(plane: ControlPlane) -> Iterator[None]:
    """People who may do anything, and a type of their own."""
    people = ("clusterrolebinding", "people")
    plane.kubectl("create", *people, "--clusterrole=cluster-admin", *map("--user={}".format, PEOPLE))
    plane.kubectl("apply", "-f", "-", input=json.dumps(GADGETS))
    plane.kubectl("wait", "--for=condition=Established", "crd/gadgets.who.example.com")
    try:
        yield
    finally:
        plane.kubectl("delete", *people)
        plane.kubectl("delete", "crd", "gadgets.who.example.com")


def _rules(namespaces: str) -> list[dict[str, Any]]:
    inside = {"name": "inside", "destination": "live", "namespaces": [namespaces], "cluster_scoped": False}
    around = {
        "name": "around",
        "destination": "live",
        "resources": list(CLUSTER_SCOPED),
        "cluster_scoped": True,
    }
    return [inside, around]

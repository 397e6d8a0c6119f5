"""Which GitRepoConfigs have proved that they can push, and which should let another one try.

Where two of them claim one folder of a branch, the older one that has pushed wins, so that nobody occupies
the URL of somebody else. A push is remembered in the journal, for the repository and branch that it went to,
and counts while the spec names these, whether the config has the folder or waits for it.
A config that the remote refuses, or that has not pushed ten minutes after its turn came, yields until its
spec or Secret changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from reverser.custom_resources import remote_urls
from reverser.custom_resources.api_types import GitRepoConfig
from reverser.custom_resources.model import ClusterState, Compiled, ObjectName
from reverser.errors import StalledError, TransientError
from reverser.model.condition import Condition
from reverser.model.destination import subject_of
from reverser.model.journal import Journal
from reverser.model.push import Pushed

SETTING = "proven/"
TURN_SECONDS = 600.0
REFUSALS = frozenset(
    (
        "AccessDenied",
        "AuthenticationFailed",
        "BranchNotFound",
        "HostKeyChanged",
        "HostKeyUnknown",
        "PushRefused",
        "RepositoryNotFound",
    )
)
"""Reasons that say that the remote does not take pushes of this login."""


class Turn(msgspec.Struct):
    """One try of a config."""

    inputs: tuple[Any, ...]
    """Its spec and its Secret."""
    since: float
    yields: bool = False


class ProvenConfigs:
    """What is known of the pushes of GitRepoConfigs."""

    def __init__(self, journal: Journal, on_change: Callable[[], None], now: Callable[[], float]) -> None:
        """`now` has seconds of any steady clock."""
        self._journal = journal
        self._on_change = on_change
        self._now = now
        self._locations: dict[str, str] = {}
        """Destination -> where a push of it was taken."""
        self._unsaved = set[str]()
        self._loaded = False
        self._configs: Mapping[ObjectName, GitRepoConfig] = {}
        self._destinations = frozenset[str]()
        """Of those that have their folder."""
        self._turns: dict[ObjectName, Turn] = {}

    async def load(self) -> None:
        """Read what earlier processes stored; while the journal cannot be read that is not known."""
        try:
            stored = await self._journal.get_settings(SETTING)
        except (TransientError, StalledError):
            return
        earlier = {name.removeprefix(SETTING): text for name, text in stored.items() if text}
        self._locations = earlier | self._locations
        self._loaded = True

    def among(self, configs: Mapping[ObjectName, GitRepoConfig]) -> frozenset[ObjectName]:
        """Those of whom a push was taken by the repository and branch that their spec names."""
        return frozenset(name for name in map(name_of, self._locations) if self._is_proven(name, configs))

    def _is_proven(self, name: ObjectName, configs: Mapping[ObjectName, GitRepoConfig]) -> bool:
        if name not in configs or str(name) not in self._locations:
            return False
        spec = configs[name].spec
        return self._locations[str(name)] == _location(spec.repo_url, spec.branch)

    @property
    def yielding(self) -> frozenset[ObjectName]:
        """Those that let another one try."""
        return frozenset(name for name, turn in self._turns.items() if turn.yields)

    def follow(self, state: ClusterState, compiled: Compiled) -> None:
        """From now on these are in force."""
        self._configs = state.configs
        self._destinations = frozenset(each.name for each in compiled.destinations)
        for name in self._turns.keys() - state.configs.keys():
            del self._turns[name]
        for destination in self._destinations:
            name = name_of(destination)
            if name in state.configs:
                inputs = _inputs(state, name)
                turn = self._turns.get(name)
                if turn is None or turn.inputs != inputs:
                    self._turns[name] = Turn(inputs, self._now())
        for name, turn in [*self._turns.items()]:
            if str(name) not in self._destinations and turn.inputs != _inputs(state, name):
                del self._turns[name]

    def forget(self, destination: str) -> None:
        """The config was deleted: another one of its name has to prove itself."""
        self._locations.pop(destination, None)
        self._unsaved.discard(destination)

    def condition(self, condition: Condition) -> None:
        """A condition of the daemon changed."""
        if condition.type != "Stalled" or not condition.status or condition.reason not in REFUSALS:
            return
        for destination in self._destinations:
            if subject_of(destination) == condition.subject:
                self._yield(name_of(destination))

    def pushed(self, pushed: Pushed) -> None:
        """The remote took a push: a proof for where it went, which the spec may have left meanwhile."""
        destination, location = pushed.destination, _location(pushed.url, pushed.branch)
        if destination not in self._destinations:
            return
        if self._locations.get(destination) != location:
            self._locations[destination] = location
            self._unsaved.add(destination)
            self._on_change()
        name = name_of(destination)
        turn = self._turns.get(name)
        if turn is not None and self._is_proven(name, self._configs):
            turn.yields = False

    async def save(self) -> None:
        """Store what is new, and see whose turn is over; called now and then."""
        if not self._loaded:
            await self.load()
            if self._loaded:
                self._on_change()
        for name, turn in self._turns.items():
            is_over = str(name) in self._destinations and self._now() - turn.since >= TURN_SECONDS
            if is_over and not self._is_proven(name, self._configs):
                self._yield(name)
        for destination in [*self._unsaved]:
            await self._journal.set_setting(f"{SETTING}{destination}", self._locations[destination])
            self._unsaved.discard(destination)

    def _yield(self, name: ObjectName) -> None:
        turn = self._turns.get(name)
        if turn is not None and not turn.yields:
            turn.yields = True
            self._on_change()


def name_of(destination: str) -> ObjectName:
    """The GitRepoConfig of a destination."""
    namespace, _, name = destination.partition("/")
    return ObjectName(namespace, name)


def _inputs(state: ClusterState, name: ObjectName) -> tuple[Any, ...]:
    spec = state.configs[name].spec
    secret = state.secrets.get(ObjectName(name.namespace, spec.secret_ref.name)) if spec.secret_ref else None
    return spec, secret


def _location(url: str, branch: str) -> str:
    """Equal for two spellings of one repository; empty for a URL that is none."""
    repository = remote_urls.of_configuration(url)
    return "" if repository is None else f"{repository} {branch}"

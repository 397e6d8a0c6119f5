"""What tests of the second process share: objects, what is asked about them, and who runs."""

from __future__ import annotations

from pathlib import Path

from reverser import __version__
from reverser.app.decider import Setup
from reverser.intake.decide import decide
from reverser.intake.list_decisions import Answers, Question
from reverser.intake.route import RouteTable, compile_routes
from reverser.kube.watch_events import change_of, event_of
from reverser.model.change import Change, Origin, Stream
from reverser.model.destination import Destination, Sops
from reverser.model.resource import ResourceType
from reverser.model.rule import Rule, SensitiveRule
from tests.hooks import HOOKS

KEY = b"secret" * 5
AGE = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
SEALED = Destination("sealed", "file:///sealed", secrets="encrypt", sops=Sops(age=(AGE,)))
RULES = (Rule("all", "sealed"),)
SENSITIVE = (SensitiveRule(("vaults.example.com",), paths=("spec.seed",)),)
SETUP = Setup(__version__, RULES, (SEALED,), (), SENSITIVE, KEY, ())
VAULTS = Stream("default", ResourceType("example.com", "v1", "vaults", "Vault", True))


def vault(name: str, seed: str = "1") -> Change:
    """An object of a list; its seed, which is JSON, is encrypted."""
    line = (
        '{"type":"ADDED","object":{"apiVersion":"example.com/v1","kind":"Vault",'
        f'"metadata":{{"name":"{name}","namespace":"shop"}},"spec":{{"seed":{seed},"size":1}}}}}}'
    ).encode()
    event = event_of(line)
    event.text = line
    return change_of(VAULTS, event, Origin.SNAPSHOT, 1.0)


def questions(*changes: Change) -> list[Question]:
    """What is asked about them."""
    return [Question(each.stream, each.text, each.paged, each.seen_at, False) for each in changes]


def decided_here(*changes: Change) -> list[Answers]:
    """What this process decides about them."""
    routes = RouteTable(compile_routes(RULES, (SEALED,), (), KEY, HOOKS, SENSITIVE))
    reached = [(change, routes.of_object(change.stream, change.key.namespace)) for change in changes]
    return [tuple(decide(route, change, None) for route in each) for change, each in reached]


def second_processes() -> list[int]:
    """Those that this process has started and not yet ended."""
    lists = Path("/proc/self/task").glob("*/children")  # of the thread that started it
    children = [pid for each in lists for pid in each.read_text().split()]
    named = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children}
    return [pid for pid, command in named.items() if b"decider_program" in command]

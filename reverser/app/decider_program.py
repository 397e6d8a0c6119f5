"""What the second process runs: it reads questions, decides, and writes answers, until its input ends."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import BinaryIO

import msgspec

from reverser.app.decider import LENGTH, Setup, encode
from reverser.builtin_hooks import BuiltInHooks
from reverser.garbage_collector import freeze_gc
from reverser.intake.decide import decide
from reverser.intake.list_decisions import Answers, Question
from reverser.intake.route import Route, compile_routes
from reverser.kube.watch_events import change_of, event_of, item_of
from reverser.model.change import Origin
from reverser.model.decision import Decision

_setup = msgspec.msgpack.Decoder(Setup).decode
_questions = msgspec.msgpack.Decoder(list[Question]).decode


def main() -> None:
    """Serve one parent."""
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    message = received(questions)
    if message is None:
        return
    routes = routes_of(_setup(message))
    freeze_gc()
    while (message := received(questions)) is not None:
        answer = encode([answered(each, routes) for each in _questions(message)])
        answers.write(LENGTH.pack(len(answer)) + answer)
        answers.flush()


def routes_of(setup: Setup) -> Mapping[str, Sequence[Route]]:
    """The routes as the parent has them, without third-party plugins."""
    hooks = BuiltInHooks(disabled=setup.disabled)
    tables = setup.rules, setup.destinations, setup.sanitize
    return compile_routes(*tables, setup.digest_key, hooks, setup.sensitive)


def answered(question: Question, routes: Mapping[str, Sequence[Route]]) -> Answers:
    """A decision for each route; None for what the parent is to decide, and to tell of what is wrong."""
    stream = question.stream
    ours = routes[stream.cluster]
    try:
        event = item_of(stream, msgspec.Raw(question.text)) if question.paged else event_of(question.text)
        change = change_of(stream, event, Origin.SNAPSHOT, question.seen_at)
        decisions = tuple(decide(route, change, None, scaled=question.scaled) for route in ours)
    except Exception:
        return (None,) * len(ours)
    return tuple(each if _whole(each) else None for each in decisions)


def _whole(decision: Decision) -> bool:
    """What is withheld is told by the parent."""
    return decision.withheld is None


def received(file: BinaryIO) -> bytes | None:
    """The next message; None at the end."""
    head = file.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    return file.read(length)


if __name__ == "__main__":
    main()

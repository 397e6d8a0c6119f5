"""What the second process runs: it reads questions, decides, and writes answers, until its input ends.

Its input ends with the daemon, however that ends. Signals that a terminal or a service manager sends to every
process are for the daemon, which needs the answers until it has stopped.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import BinaryIO

import msgspec

from reverser import __version__
from reverser.app.decider import LENGTH, Setup, encode
from reverser.builtin_hooks import BuiltInHooks
from reverser.garbage_collector import freeze_gc
from reverser.intake.decide import decide
from reverser.intake.list_decisions import Answers, Question
from reverser.intake.route import RouteTable, compile_routes
from reverser.kube.watch_events import change_of, event_of, item_of
from reverser.model.change import Origin

_setup = msgspec.msgpack.Decoder(Setup).decode
_questions = msgspec.msgpack.Decoder(list[Question]).decode


def main() -> None:
    """Serve one parent."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nobody reads answers any more: end without a traceback
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what is printed would be taken for an answer
    message = received(questions)
    if message is not None and (setup := _setup(message)).version == __version__:
        _serve(questions, answers, routes_of(setup))


def _serve(questions: BinaryIO, answers: BinaryIO, routes: RouteTable) -> None:
    freeze_gc()
    while (message := received(questions)) is not None:
        answer = encoded([answered(each, routes) for each in _questions(message)])
        answers.write(LENGTH.pack(len(answer)) + answer)
        answers.flush()


def encoded(answers: Sequence[Answers]) -> bytes:
    """The message. What has no place in one, such as an integer of 100 bits, is left to the parent."""
    try:
        return encode(answers)
    except OverflowError:
        return encode([each if _fits(each) else (None,) * len(each) for each in answers])


def _fits(answers: Answers) -> bool:
    try:
        encode(answers)
    except OverflowError:
        return False
    return True


def routes_of(setup: Setup) -> RouteTable:
    """The routes as the parent has them, without third-party plugins."""
    hooks = BuiltInHooks(disabled=setup.disabled)
    tables = setup.rules, setup.destinations, setup.sanitize
    return RouteTable(compile_routes(*tables, setup.digest_key, hooks, setup.sensitive))


def answered(question: Question, routes: RouteTable) -> Answers:
    """A decision for each route; none, or None, for what the parent is to decide, and to report."""
    stream = question.stream
    try:
        event = item_of(stream, msgspec.Raw(question.text)) if question.paged else event_of(question.text)
        change = change_of(stream, event, Origin.SNAPSHOT, question.seen_at)
        ours = routes.of_object(stream, change.key.namespace)
        decisions = tuple(decide(route, change, None, scaled=question.scaled) for route in ours)
    except Exception:
        return ()
    # The daemon decides again about what is withheld, and logs that.
    return tuple(each if each.withheld is None else None for each in decisions)


def received(file: BinaryIO) -> bytes | None:
    """The next message; None at the end."""
    head = file.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    message = file.read(length)
    return message if len(message) == length else None

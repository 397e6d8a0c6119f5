"""The process that decides about large lists runs our code, knows no credentials, and is no burden."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from reverser.app import decider as program
from reverser.app.decider import DeciderProcess, Setup, encode, setup_of
from reverser.config import parse
from tests.integration.second_process import KEY, SETUP, decided_here, questions, second_processes, vault

ROOT = Path(__file__).parents[2]
BOUND_SECONDS = 30
PRINTING = program.PROGRAM.replace(
    "main()",
    """
import structlog
from reverser.app import decider_program
answered = decider_program.answered
def printing(*question):
    print("decides")
    structlog.get_logger().warning("decides")
    return answered(*question)
decider_program.answered = printing
main()""",
)


def _shown(pid: int) -> bytes:
    """What others can see of a process."""
    return Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.fixture
def decider() -> DeciderProcess:
    """One that has not been started."""
    return DeciderProcess(SETUP)


async def test_no_module_of_the_working_folder_is_run(
    decider: DeciderProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write there would decide what is committed."""
    for name in ("reverser", "msgspec"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("from pathlib import Path; Path('run').touch()")
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    monkeypatch.chdir(tmp_path)
    change = vault("a")
    assert await decider.ask(questions(change)) == decided_here(change)
    await decider.rest()
    assert not (tmp_path / "run").exists()


async def test_credentials_in_the_environment_are_not_handed_on(
    decider: DeciderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process needs none, so none can be read from it."""
    monkeypatch.setenv("GIT_TOKEN", "hunter2")
    await decider.ask([])
    (pid,) = second_processes()
    shown = _shown(pid)
    await decider.rest()
    assert b"hunter2" not in shown
    assert KEY not in shown


@pytest.mark.parametrize("executable", [None, "", "/nowhere/python"])
async def test_a_process_that_cannot_be_started_costs_nothing_but_time(
    decider: DeciderProcess, monkeypatch: pytest.MonkeyPatch, executable: Any
) -> None:
    """Python does not always know where it is; there is no answer then, and no error."""
    monkeypatch.setattr(sys, "executable", executable)
    assert await decider.ask(questions(vault("a"))) == ()


async def test_a_process_without_a_thread_to_start_it_costs_nothing_but_time(
    decider: DeciderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container may have as many threads as it is allowed."""

    async def refuse(*_args: Any, **_options: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(trio.lowlevel, "open_process", refuse)
    assert await decider.ask(questions(vault("a"))) == ()


async def test_what_the_process_prints_is_not_taken_for_an_answer(
    decider: DeciderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor what it logs, which an unconfigured logger prints."""
    monkeypatch.setattr(program, "PROGRAM", PRINTING)
    change = vault("a")
    assert await decider.ask(questions(change)) == decided_here(change)
    await decider.rest()


async def test_a_process_without_modules_costs_nothing_but_time(
    decider: DeciderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with an installation that is being replaced."""
    monkeypatch.setattr(sys, "path", ["/nowhere"])
    assert await decider.ask(questions(vault("a"))) == ()
    assert not second_processes()


async def test_another_version_decides_nothing() -> None:
    """An upgrade under a running daemon puts other modules in place of those that it runs."""
    decider = DeciderProcess(msgspec.structs.replace(SETUP, version="0.0.1"))
    assert await decider.ask(questions(vault("a"))) == ()


async def test_an_answer_that_nobody_waits_for_is_not_taken_for_the_next(decider: DeciderProcess) -> None:
    """The decision about one object would be written as that about another."""
    await decider.ask([])
    (pid,) = second_processes()
    os.kill(pid, signal.SIGSTOP)
    with trio.CancelScope() as waiting:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(decider.ask, questions(vault("first")))
            await trio.testing.wait_all_tasks_blocked()
            waiting.cancel()
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
    change = vault("second")
    assert await decider.ask(questions(change)) == decided_here(change)
    await decider.rest()


async def test_an_object_that_no_message_can_hold_is_decided_here(decider: DeciderProcess) -> None:
    """Its neighbours are decided by the process, which goes on."""
    changes = vault("a"), vault("b", "1" * 30), vault("c")
    first, last = decided_here(changes[0], changes[2])
    assert await decider.ask(questions(*changes)) == [first, (None,), last]
    assert await decider.ask(questions(changes[0])) == [first]
    await decider.rest()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_signals_to_every_process_of_a_service_are_for_the_daemon(
    decider: DeciderProcess, number: signal.Signals
) -> None:
    """It goes on for its grace, and needs answers."""
    await decider.ask([])
    (pid,) = second_processes()
    os.kill(pid, number)
    change = vault("a")
    assert await decider.ask(questions(change)) == decided_here(change)
    await decider.rest()
    assert not second_processes()


DAEMON = """
import sys, trio
from tests.integration.second_process import SETUP, vault, second_processes, questions
from reverser.app.decider import DeciderProcess

async def main():
    decider = DeciderProcess(SETUP)
    await decider.ask([])
    print(*second_processes(), flush=True)
    while True:
        await decider.ask(questions(*map(vault, map(str, range(1000)))))

trio.run(main)
"""


def test_the_process_ends_with_a_daemon_that_is_killed() -> None:
    """By the end of its input, and without a word: it shares the daemon's standard error, which closes."""
    with subprocess.Popen([sys.executable, "-c", DAEMON], stdout=PIPE, stderr=PIPE, cwd=ROOT) as daemon:
        assert daemon.stdout is not None
        assert int(daemon.stdout.readline())
        daemon.kill()
        _, errors = daemon.communicate(timeout=BOUND_SECONDS)
    assert errors == b""


def test_every_setting_reaches_the_process() -> None:
    """All that the example of a configuration holds, but for credentials."""
    text = (ROOT / "config.example.toml").read_text()
    config = parse(text, {})
    setup = setup_of(config, KEY)
    assert msgspec.msgpack.decode(encode(setup), type=Setup) == setup
    assert setup.rules == tuple(config.rules)


async def test_a_question_that_waits_starts_no_process_of_a_former_configuration(
    decider: DeciderProcess,
) -> None:
    """Once it is closed, what was asked has no answer, and no process is left."""
    change = vault("a")
    answers = []

    async def ask() -> None:
        answers.append(await decider.ask(questions(change)))

    with trio.fail_after(BOUND_SECONDS):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
            await decider.close()

    assert len(answers) == 3
    assert second_processes() == []
    assert await decider.ask(questions(change)) == ()
    assert second_processes() == []

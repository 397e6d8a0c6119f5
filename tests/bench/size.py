"""First snapshots of 100,000 objects: how much memory the daemon takes for them, and how long."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from pathlib import Path

import msgspec

from tests.bench import ref
from tests.bench.listserver import listserver
from tests.bench.options import Options, say
from tests.bench.result import Row, at_most
from tests.e2e.daemon import Daemon, wait_for
from tests.e2e.remote import Remote

SIZE = 100_000
QUICK_SIZE = 4_000
MOST_SECONDS = 900.0
SAMPLE_SECONDS = 0.2
SETTLE_SECONDS = 5.0
"""What a second start does after it is ready takes no longer."""
QUEUE = "gitopsreverser_git_commit_queue_size"
GOAL_MIB = 150
GOAL_SECONDS = 25
WHAT = {"one": "ConfigMaps of 4 kB", "mixed": "objects of 60 types"}


class Turn(msgspec.Struct, frozen=True):
    """What one daemon took for its first snapshot, and for starting again after it."""

    seconds: float
    """From the start of the process until the remote has every object."""
    processor_seconds: float
    """Of the process and its children until then: what a busy machine does not change much."""
    mib: float
    """The highest resident memory of the process."""
    children_mib: float
    """The highest resident memory of all of its git children together."""
    again_mib: float
    """The highest resident memory of the process that was started after it."""
    journal_mib: float
    """The journal's files after the snapshot."""
    commits: int


class Children:
    """Looks at the memory of a process's children again and again, in a thread."""

    def __init__(self, pid: int, every_seconds: float = SAMPLE_SECONDS) -> None:
        self.mib = 0.0
        self.most = 0
        """How many there were at once."""
        self._every_seconds = every_seconds
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Children:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(self._every_seconds):
            own = _command(self._pid)
            others = [pid for pid in _descendants(self._pid) if _command(pid) != own]  # not yet git: shared
            self.mib = max(self.mib, sum(mib(pid, "VmRSS") for pid in others))
            self.most = max(self.most, len(others))


def measure(options: Options) -> list[Row]:
    """Peaks for one large type and for many types; seconds for the latter."""
    size = QUICK_SIZE if options.quick else SIZE
    rows: list[Row] = []
    for shape in ("one", "mixed"):
        done = turn(options.folder / shape, shape, size)
        what = f"{size:,} {WHAT[shape]}"
        rows += [
            at_most(f"highest memory of a first snapshot, {what}", done.mib, GOAL_MIB, "MiB", 0),
            Row(f"its git children then, {what}", f"{done.children_mib:,.0f} MiB"),
            at_most(f"highest memory of the next start, {what}", done.again_mib, GOAL_MIB, "MiB", 0),
            Row(f"the journal's files after it, {what}", f"{done.journal_mib:,.0f} MiB"),
            at_most(f"seconds to the remote, {what}", done.seconds, GOAL_SECONDS, "s")
            if shape == "mixed"
            else Row(f"seconds to the remote, {what}", f"{done.seconds:,.1f} s"),
        ]
    return rows


def turn(folder: Path, shape: str, size: int) -> Turn:
    """One daemon with an empty data directory and an empty remote, then one more."""
    folder.mkdir(parents=True)
    remote = Remote(folder / "remote.git")
    with (
        listserver(folder, shape, size) as kubeconfig,
        Daemon(folder / "daemon", kubeconfig, remote.url) as daemon,
    ):
        assert daemon.process is not None
        began = time.perf_counter()
        with Children(daemon.process.pid) as children:
            landed(remote, size)
            seconds, processor = time.perf_counter() - began, _processor_seconds(daemon.process.pid)
            wait_for("the journal to be empty", lambda: daemon.metric(QUEUE) == 0, 60)
        highest = mib(daemon.process.pid, "VmHWM")
        assert daemon.stop() == 0
        journal = sum(path.stat().st_size for path in (daemon.folder / "data").glob("journal.sqlite*"))
        daemon.start()
        daemon.ready(120)
        time.sleep(SETTLE_SECONDS)
        again = mib(daemon.process.pid, "VmHWM")
    done = Turn(seconds, processor, highest, children.mib, again, journal / 2**20, len(remote.commits()))
    say(f"size: {shape} {size:,}: {done}")
    return done


def landed(remote: Remote, size: int) -> None:
    """Return when the branch holds so many files."""
    head, files = "", 0
    while files < size:
        ref.moved(remote.path, head, MOST_SECONDS)
        head = ref.read(remote.path)
        files = len(remote.paths())


def mib(pid: int, what: str) -> float:
    """A figure of /proc/PID/status; 0 for a process that has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    rows = (line.split() for line in text.splitlines())
    return next((int(row[1]) / 1024 for row in rows if row[0] == f"{what}:"), 0.0)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _processor_seconds(pid: int) -> float:
    """Of a process, and of its children that have ended."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")


def _descendants(pid: int) -> list[int]:
    below: dict[int, list[int]] = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        below[int(words[1])].append(int(path.parent.name))
    found, due = list[int](), [pid]
    while due:
        children = below[due.pop()]
        found += children
        due += children
    return found

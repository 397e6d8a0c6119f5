"""What is left of a container when only the process counts: process 1, uid 65532, no capabilities.

bubblewrap makes it: its own process table, the machine's files, and the network of the tests.
"""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
USER = re.compile(r"'reverser:x:(\d+):\d+:")


def image_user() -> str:
    """The uid that the Containerfile makes an entry for."""
    found = USER.search((ROOT / "Containerfile").read_text())
    assert found is not None
    return found[1]


def contained(folder: Path, *command: str, uid: str = "65532") -> list[str]:
    """The command line that runs a command as process 1; `folder` gets the image's /etc/passwd."""
    passwd = folder / "passwd"
    passwd.write_text(f"root:x:0:0::/root:/bin/sh\nreverser:x:{image_user()}:{image_user()}::/tmp:/bin/sh\n")
    return [
        *("bwrap", "--die-with-parent", "--bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
        *("--ro-bind", str(passwd), "/etc/passwd", "--chdir", str(ROOT)),
        *("--unshare-pid", "--as-pid-1", "--unshare-user", "--uid", uid, "--gid", uid, "--cap-drop", "ALL"),
        *command,
    ]


@cache
def missing() -> str:
    """Why there can be no container here; empty when there can."""
    try:
        done = subprocess.run(
            ["bwrap", "--bind", "/", "/", "--proc", "/proc", "--unshare-pid", "--unshare-user", "true"],
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        return "needs bwrap (bubblewrap)"
    return "" if done.returncode == 0 else f"bwrap does not work here: {done.stderr.decode().strip()[:200]}"


def first_process(wrapper: subprocess.Popen[bytes]) -> int:
    """Process 1 of a container that runs, by its number outside; 0 when it is not there yet."""
    children = Path(f"/proc/{wrapper.pid}/task/{wrapper.pid}/children").read_text().split()
    return int(children[0]) if children else 0


def process_states(first: int) -> dict[int, str]:
    """The states of process 1 and all below it, by their numbers outside."""
    parents, states = dict[int, int](), dict[int, str]()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        states[int(path.parent.name)], parents[int(path.parent.name)] = state, int(parent)
    within, more = set[int](), {first}
    while more - within:
        within |= more
        more = {pid for pid, parent in parents.items() if parent in within}
    return {pid: states[pid] for pid in within if pid in states}

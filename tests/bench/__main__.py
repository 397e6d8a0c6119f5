"""`python -m tests.bench [--quick] [--only NAME] [--write]`: measure, print, compare with the goals."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from reverser.log import configure
from tests.bench import (
    admission,
    idle,
    large,
    latency,
    plugged,
    rendering,
    replay,
    resources,
    signed,
    size,
    snapshot,
    takeover,
    throughput,
    verified,
)
from tests.bench.document import document
from tests.bench.environment import environment
from tests.bench.options import Options, say
from tests.bench.result import Row, table
from tests.e2e.servers import built

MEASUREMENTS: dict[str, Callable[[Options], list[Row]]] = {
    "render": rendering.measure,
    "commits": throughput.measure,
    "signed": signed.measure,
    "signed-openpgp": signed.measure_openpgp,
    "verified": verified.measure,
    "plugins": plugged.measure,
    "large": large.measure,
    "latency": latency.measure,
    "snapshot": snapshot.measure,
    "size": size.measure,
    "idle": idle.measure,
    "takeover": takeover.measure,
    "admission": admission.measure,
    "replay": replay.measure,
    "resources": resources.measure,
}
NEED_SERVERS = ("latency", "snapshot", "idle", "takeover", "admission", "resources")
DOCUMENT = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def main() -> None:
    """Measure what the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that it works")
    parser.add_argument("--only", choices=MEASUREMENTS, action="append", help="leave the others out")
    parser.add_argument(
        "--write", action="store_true", help="write docs/benchmarks.md; with --only just those rows of it"
    )
    arguments = parser.parse_args()
    configure("json", "warning")
    rows = [row for name in arguments.only or MEASUREMENTS for row in _measured(name, arguments.quick)]
    facts = environment()
    sys.stdout.write(f"\n{table(rows)}\n" + "".join(f"{what}: {value}\n" for what, value in facts))
    if arguments.write:
        before = DOCUMENT.read_text(encoding="utf-8") if arguments.only else ""
        DOCUMENT.write_text(document(rows, facts, before), encoding="utf-8")
        say("docs/benchmarks.md written")


def _measured(name: str, quick: bool) -> list[Row]:
    if name in NEED_SERVERS and not built():
        return [Row(name, "skipped: the real API server is not built (`make test-servers`)")]
    say(name)
    with tempfile.TemporaryDirectory(prefix="reverser-bench-") as folder:
        return MEASUREMENTS[name](Options(Path(folder), quick=quick))


main()

"""`python -m tests.soak --seconds 1200 --seed 7`: prints its seed, what happens, and a table at the end.

Exit code 1 when something did not hold; the folder with the daemons' logs is kept then.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

from tests.e2e.servers import built
from tests.soak.trial import FAULTS, Trial, report


def main() -> int:
    """One soak."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--rate", type=float, default=30, help="changes a second by all users together")
    parser.add_argument(
        "--faults", default=",".join(FAULTS), help="which of them happen (default: %(default)s)"
    )
    chosen = parser.parse_args()
    if not built():
        print("soak: the real API server is not built: run make test-servers", file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="reverser-soak-"))
    print(f"soak: seed {chosen.seed}, {chosen.seconds:.0f} s, {chosen.rate:g} changes a second, in {folder}")
    faults = tuple(filter(None, chosen.faults.split(",")))
    trial = Trial(folder, chosen.seconds, chosen.seed, chosen.rate, faults)
    try:
        trial.run()
    except Exception:
        trial.problems.append(traceback.format_exc())
    print(report(trial))
    if trial.problems:
        print(f"soak: it did not hold; seed {chosen.seed}, logs in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""docs/benchmarks.md: the figures of one whole run, where they were had, and how to read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.bench.result import Row, table

TEXT = """\
# What was measured

`make bench` measures everything on this page anew and prints it with its environment and its margin to each
goal; `.venv/bin/python -m tests.bench --write` replaces this page. Ratios count, not absolute values: the
figures are one run's, on a machine whose cores the API server, etcd and Git's own processes share with what
is measured.

{table}
- **sanitize + render**: one core, no I/O.
- **commits from watch to remote**: lines of a watch in, acknowledged pushes to a bare repository on the
  same disk out; one commit a change, median of three runs of 5,000 changes. One repository grows from size
  to size, 40 files to a folder. Git writes each folder on the way anew with every commit, so a folder of
  5,000 files costs more: about 400 commits a second.
- **signed commits**: the same with an SSH signature on each; median of five runs. With OpenPGP gpg is called
  once a commit, and there is no goal; runs of 500 changes, and git verifies every commit.
- **git verify-commit**: every commit of one run with an SSH key: a snapshot, 5,000 changes, a sweep, and
  5,000 changes more; one process for each core.
- **throughput with plugins**: the same changes through two pipelines in turn, of which one calls ten plugins
  that have every deciding hook; median of 25 short runs.
- **admission**: reviews of 8 KB at 500 and 1,000 a second over TLS, sent whether or not answers have come,
  from a process of its own; and the same writes at a real API server with and without the registered webhook.
- **audit replay**: the command from its start to its end, over a log of level RequestResponse in which every
  event is a change of content; then again, and again with an empty data directory.
- **change to remote ref**: the real daemon on a real API server with 1,000 objects, from the answer to a
  write until the remote's ref has moved. **Its floor** is `git fast-import` and `git push` of the same
  commit, right after it, with nothing around them; the floor's repository is never repacked, ours is, so a
  ratio near 1 means that the rest is too small to see.
- **snapshot**: from the start of the process, with an empty data directory, to the first pushed commit.

## Beside others

On a machine like this, with the same API server and 10,000 objects:

| | first pushed snapshot | after that, a change |
|---|---|---|
| reverser | {snapshot} | {change}, at 1,000 objects |
| katafygio | 27 s | about 9.5 s |
| GitOps Reverser (main, August 2026) | 22 minutes | not measured |

The figures of the others were measured once, by hand; `make bench` does not repeat them.

## Where

{facts}
"""


def document(rows: Sequence[Row], facts: Iterable[tuple[str, str]]) -> str:
    """The whole page."""
    return TEXT.format(
        table=table(rows),
        snapshot=_measured(rows, "daemon start to pushed snapshot"),
        change=_measured(rows, "change to remote ref, p50"),
        facts="\n".join(f"- {what}: {value}" for what, value in facts),
    )


def _measured(rows: Iterable[Row], name: str) -> str:
    return next((row.measured for row in rows if row.name.startswith(name)), "not measured in this run")

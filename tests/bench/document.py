"""docs/benchmarks.md: the figures of one whole run, where they were had, and how to read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.bench.result import Row, table

TEXT = """\
# What was measured

`make bench` measures everything on this page anew and prints it with its environment and its margin to each
goal; `.venv/bin/python -m tests.bench --write` puts it here, with `--only NAME` just those rows. Ratios
count, not absolute values: the machine's cores are shared by the API server, etcd and Git's own processes
with what is measured.

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
- **admission**: reviews of 8 KB at 500 and 1,000 a second over TLS, five turns of 10 s each, sent whether or
  not answers have come, from a process of its own; and the same writes at a real API server with and without
  the registered webhook.
- **audit replay**: the command from its start to its end, over a log of level RequestResponse in which every
  event is a change of content; then again, and again with an empty data directory.
- **change to remote ref**: the real daemon on a real API server with 1,000 objects, from the answer to a
  write until the remote's ref has moved. **Its floor** is `git fast-import` and `git push` of the same
  commit, right after it, with nothing around them; the floor's repository is never repacked, ours is, so a
  ratio near 1 means that the rest is too small to see.
- **first snapshot of 100,000 objects**: the real daemon before a scripted API server in a process of its own,
  which streams all lists as fast as they are read; the highest resident memory until all is in a remote
  on the same disk and acknowledged, then that of a second start.
- **longest hold of the event loop**: processor time until a task beside the intake gets its turn again,
  while a changed object of 1.5 MB goes through it, the worst of all shapes; the best of three tries of
  each.
- **custom resources**: the real daemon on a real API server, with a repository for each GitRepoConfig on one
  Git host by http (`git http-backend`), which shares the two cores. A change's floor is `git fast-import` and
  `git push` to the same host. A rule that changes is in force when the object that it selects besides is in
  the branch. Writes of statuses are what the API server counts.
- **snapshot**: from the start of the process, with an empty data directory, until the remote has all objects.
- **takeover**: two replicas with the default Lease; from the signal to the leader until the remote has a
  commit of the other one. A turn of kill -9 waits for the Lease of 15 s to expire.
- **idle**: processor time of the process over a minute in which nothing changes: bookmarks, discovery,
  watches that are opened anew, and a probe every 10 s. With the controllers of a cluster running, or both
  webhooks listening, it was 0.33 %.

## What the hour does

The goals were set on a quiet machine. A shared one can be half as fast at another hour; absolute figures are
then half, while ratios stay. One and the same commit rendered 8,550 Deployments a second in one hour and
3,800 in another. Earlier whole runs, in a slow hour and in a fast one:

| measurement | in a slow hour | in a fast hour |
|---|---|---|
| sanitize + render | 3,903 a second | 9,075 a second |
| commits a second, 1,000 / 10,000 / 100,000 files | 747 / 798 / 500 | 1,298 / 1,473 / 722 |
| change to remote ref, p50 | 51 ms, 0.9 × its floor | 38 ms, 0.9 × its floor |
| daemon start to pushed snapshot, 10,000 objects | 9.1 s | 5.1 s |
| resident memory after it | 108 MiB | 108 MiB |
| audit replay | 711 events a second | 1,507 events a second |
| admission, 1,000 a second, p99 | 742 ms | 3.0 (of 5: 2.7 to 5.7) ms |

The admission webhook feels it most: at 1,000 calls a second it keeps one core busy to about seven tenths in a
fast hour, and nearly or entirely in a slow one. A listener that is asked as often as it can answer lets calls
wait: p99 is tens or hundreds of milliseconds then, so its goal is met in a fast hour only. It is told as the
median of five turns, with the lowest and the highest one. That it is our own processor time and not the
machine standing still shows a listener that does nothing but TLS: in the slow minutes in which ours had a p99
of 10 to 276 ms, it had 1.6 to 2.3 ms. Half as many calls were answered in a few milliseconds whenever they
were measured.

## Beside others

On a machine like this, with the same API server and 10,000 objects:

| | first pushed snapshot | after that, a change |
|---|---|---|
| reverser | {snapshot} | {change}, at 1,000 objects |
| katafygio | 27 s | about 9.5 s |
| GitOps Reverser (main, August 2026) | 22 minutes | not measured |

The figures of the others were measured once, by hand; `make bench` does not repeat them. A nightly
`kubectl get` that is committed needs no measurement: it is a night late, names nobody, and shows nothing of
what came and went in between.

## Where

{facts}
"""


def document(rows: Sequence[Row], facts: Iterable[tuple[str, str]], before: str = "") -> str:
    """The whole page. Of the page `before` the rows stay that are not measured anew."""
    rows = _merged(_rows(before), rows)
    return TEXT.format(
        table=table(rows),
        snapshot=_measured(rows, "daemon start to pushed snapshot"),
        change=_measured(rows, "change to remote ref, p50"),
        facts="\n".join(f"- {what}: {value}" for what, value in facts),
    )


def _measured(rows: Iterable[Row], name: str) -> str:
    return next((row.measured for row in rows if row.name.startswith(name)), "not measured in this run")


def _rows(page: str) -> list[Row]:
    """The rows of a page, as they are printed."""
    lines = page.partition("|-")[2].partition("\n\n")[0].splitlines()[1:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [
        Row(name, measured, goal, float(margin.split()[0]) if margin else None)
        for name, measured, goal, margin in cells
    ]


def _merged(old: Iterable[Row], new: Sequence[Row]) -> list[Row]:
    """The old order, with what is new of it; the rest of the new behind."""
    found = {row.name: row for row in new}
    kept = [found.pop(row.name, row) for row in old]
    return [*kept, *found.values()]

"""The demo, as somebody meets it who sees reverser for the first time."""

from __future__ import annotations

import io
import os
import re
import select
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import trio
from rich.console import Console

from reverser.app.demo import play
from reverser.app.demo_story import STORY
from tests.tools.demo_picture import PICTURE, Line, RecordingScreen, draw

CI = "system:serviceaccount:shop:ci"
CONTROLLER = "system:serviceaccount:kube-system:namespace-controller"
BOUND_SECONDS = 120
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


class Played:
    """What is left of a demo: its repository, as a clone, and what it printed."""

    def __init__(self, clone: Path, output: str, printed: list[Line]) -> None:
        self.clone = clone
        self.output = output
        self.printed = printed

    def log(self, form: str) -> list[str]:
        """One line a commit of the story, oldest first; the snapshot is left out."""
        return git(self.clone, "log", "--reverse", f"--format={form}").splitlines()[1:]

    def trailers(self, name: str) -> dict[str, str]:
        """subject -> the trailer of this name, where a commit has it."""
        form = f"%s|%(trailers:key={name},valueonly,separator=%x2C)"
        pairs = (line.split("|") for line in self.log(form))
        return {subject: value for subject, value in pairs if value}


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """One demo, played to its end without pauses."""
    folder, output = tmp_path_factory.mktemp("demo"), io.StringIO()
    screen = RecordingScreen(Console(file=output, highlight=False))
    trio.run(partial(play, folder, screen, keep=False))
    clone = folder / "clone"
    git(folder, "clone", "--quiet", str(folder / "live.git"), str(clone))
    return Played(clone, output.getvalue(), screen.printed)


def test_each_commit_names_who_made_the_change(played: Played) -> None:
    """A pipeline, two people and a controller are the authors; one commit is honestly of nobody."""
    *story, one, other = played.log("%an: %s")

    assert story == [
        f"ci (shop): [UPDATE] shop/deployments.apps/web by {CI}",
        "alice: [UPDATE] shop/configmaps/settings by alice",
        "bob: [UPDATE] shop/deployments.apps/web by bob",
        "unknown: [UPDATE] shop/configmaps/settings by unknown",
    ]
    assert {one, other} == {
        "bob: [DELETE] _cluster/namespaces/preview by bob",
        f"namespace-controller (kube-system): [DELETE] preview/configmaps/settings by {CONTROLLER}",
    }


def test_each_commit_says_how_that_is_known(played: Played) -> None:
    """The webhook is the evidence, but for the change of which it was not told: a tool's name is none."""
    evidence = played.trailers("Attribution")

    assert evidence.pop("[UPDATE] shop/configmaps/settings by unknown") == "manager"
    assert len(evidence) == 5
    assert set(evidence.values()) == {"admission"}
    unknown = "[UPDATE] shop/configmaps/settings by unknown"
    assert played.trailers("Kubernetes-Manager")[unknown] == "incident-script"


def test_one_commit_says_because_of_whom(played: Played) -> None:
    """What the namespace controller deleted, it deleted because of Bob."""
    assert played.trailers("Kubernetes-Caused-By") == {
        f"[DELETE] preview/configmaps/settings by {CONTROLLER}": "bob deleted namespace preview"
    }


def test_what_the_autoscaler_did_is_not_bobs(played: Played) -> None:
    """The autoscaler makes no commit; the next one takes the replicas along, and says so."""
    assert played.trailers("Kubernetes-Came-Along") == {
        "[UPDATE] shop/deployments.apps/web by bob": "spec.replicas; object=shop/deployments.apps/web"
    }
    assert "replicas: 5\n" in (played.clone / "shop/deployments.apps/web.yaml").read_text()


def test_what_is_printed(played: Played) -> None:
    """Every step and every commit is shown, each diff is short, and five lines end it."""
    for step in STORY:
        assert step.sentence in played.output
        assert step.remark in played.output
    for commit, author in (line.split(" ", 1) for line in played.log("%h %an <%ae>")):
        shown = played.output.partition(f"commit {commit}\n")[2].partition("\ncommit ")[0]
        assert shown.startswith(f"Author: {author}\n")
        assert len(re.findall(r"(?m)^[ +-]\s*\S", shown)) <= 12
    *_, end = played.output.rstrip().split("\n\n")
    assert len(end.splitlines()) == 5
    assert "unknown" in end
    assert "reverser init" in end


def test_the_readme_shows_a_commit_of_it(played: Played) -> None:
    """The commit on the first page is one that the demo makes, but for the number of its entry."""
    shown = README.split("```\n")[3]
    *story, _, _ = played.log("%H")
    messages = [
        git(played.clone, "log", "-1", "--format=Author: %an <%ae>%n%n%B", commit).rstrip()
        for commit in story
    ]

    entry = "Reverser-Entry: .*"
    assert re.sub(entry, "", shown).rstrip() in [re.sub(entry, "", message).rstrip() for message in messages]


def test_the_picture_is_of_this_demo(played: Played) -> None:
    """docs/demo.svg shows the steps, names and evidence that the demo prints (`make demo-picture`)."""
    assert draw(played.printed) == PICTURE.read_text(encoding="utf-8")


def demo(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """The command, in a process of its own, which keeps its files in `folder`."""
    environ = {**os.environ, "TMPDIR": str(folder), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "reverser", "demo", *options]
    return subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def begun(process: subprocess.Popen[bytes]) -> None:
    """Return when the first line is printed."""
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], BOUND_SECONDS)[0]


def test_nothing_stays(tmp_path: Path) -> None:
    """The command succeeds without a warning, and its folder is gone."""
    with demo(tmp_path, "--fast") as process:
        output, errors = process.communicate(timeout=BOUND_SECONDS)

    assert (process.returncode, errors) == (0, b"")
    assert b"by alice" in output
    assert list(tmp_path.iterdir()) == []


def test_it_is_ended_in_the_middle(tmp_path: Path) -> None:
    """Ctrl-C ends it without a word, and its folder is gone."""
    with demo(tmp_path) as process:
        begun(process)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=BOUND_SECONDS)

    assert (process.returncode in (0, 130), errors) == (True, b"")
    assert list(tmp_path.iterdir()) == []


def test_nobody_reads_any_more(tmp_path: Path) -> None:
    """A closed pipe (`reverser demo | head -1`) ends it without a word, and its folder is gone."""
    with demo(tmp_path) as process:
        begun(process)
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()
        process.wait(BOUND_SECONDS)

    assert errors == b""
    assert list(tmp_path.iterdir()) == []

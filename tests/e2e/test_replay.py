"""`reverser audit replay`: logs that were written before, and the branch that they become."""

from __future__ import annotations

import gzip
import json
import signal
from pathlib import Path

import pytest

from reverser.journal.data_directory import lock
from tests.audit_log import BRANCH, History, event, lines
from tests.e2e.daemon import wait_for
from tests.e2e.remote import git
from tests.e2e.servers import ControlPlane

POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "RequestResponse"}],
}


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


STORY = (
    event(1, "create"),
    event(2, user="bob@example.com"),
    event(3, "get", user="carol@example.com"),
    event(4, "create", "b", impersonatedUser={"username": "carol@example.com"}),
    event(5, responseStatus={"code": 409}),
    event(6, objectRef={**event(6)["objectRef"], "subresource": "status"}),
    event(7, "delete", user="bob@example.com"),
)


def test_the_past_becomes_history(history: History) -> None:
    """Each event that changed content is a commit with its author and time; no cluster is asked."""
    log = history.log("audit.log", lines(*STORY))

    said, _ = history.run(log)

    assert history.commits("%an <%ae> %aI %s") == [
        "alice@example.com <alice@example.com> 2026-01-02T00:00:01+00:00 "
        "[CREATE] shop/configmaps/a by alice@example.com",
        "bob@example.com <bob@example.com> 2026-01-02T00:00:02+00:00 "
        "[UPDATE] shop/configmaps/a by bob@example.com",
        "carol@example.com <carol@example.com> 2026-01-02T00:00:04+00:00 "
        "[CREATE] shop/configmaps/b by carol@example.com",
        "bob@example.com <bob@example.com> 2026-01-02T00:00:07+00:00 "
        "[DELETE] shop/configmaps/a by bob@example.com",
    ]
    message = git("-C", history.remote.path, "log", "-1", "--format=%B", f"{BRANCH}~1")
    assert "Kubernetes-Impersonator: alice@example.com\n" in message
    assert "Attribution: audit\n" in message
    assert "Reverser-Audit: id-4; " in message
    [(path, text)] = history.files().items()
    assert path == "shop/configmaps/b.yaml"
    assert 'number: "4"' in text
    assert [line.split(maxsplit=1) for line in said.splitlines()][:2] == [
        ["7", "events read"],
        ["4", f"commits made in {BRANCH} of {history.remote.url}"],
    ]


@pytest.mark.parametrize("lost", ["nothing", "positions", "data"])
def test_twice_adds_nothing(history: History, lost: str) -> None:
    """Whether the data directory remembers the log, or only the objects, or is lost."""
    log = history.log("audit.log", lines(*STORY))
    history.run(log)
    before = history.commits("%H")
    if lost == "positions":
        log = history.log("copy.log", lines(STORY[2], *STORY))
    elif lost == "data":
        history.write(data="elsewhere")

    history.run(log)

    assert history.commits("%H") == before


@pytest.mark.parametrize("lost", [False, True])
def test_a_log_that_has_grown_is_gone_on_with(history: History, lost: bool) -> None:
    """Also under another name, compressed, and with an empty data directory."""
    log = history.log("audit.log", lines(*STORY) + lines(event(8, name="b"))[:-30])
    _, _ = history.run(log)
    assert len(history.commits()) == 4
    more = lines(*STORY, event(8, name="b", user="bob@example.com"), event(9, "create", "c"))
    grown = history.log("audit-1.log.gz", gzip.compress(more))
    if lost:
        history.write(data="elsewhere")

    said, _ = history.run(grown)

    assert history.commits()[4:] == [
        "[UPDATE] shop/configmaps/b by bob@example.com",
        "[CREATE] shop/configmaps/c by alice@example.com",
    ]
    assert said.split()[0] == ("9" if lost else "2")
    assert set(history.files()) == {"shop/configmaps/b.yaml", "shop/configmaps/c.yaml"}


def test_a_later_log_alone_goes_on_too(history: History) -> None:
    """With an empty data directory: what the branch has of an object is not written again, nor undone."""
    early = event(1, "create"), event(2), event(3, "create", "b")
    noop = event(4, responseObject=event(2)["responseObject"])
    history.run(history.log("early.log", lines(*early, noop, event(5), event(6, "delete", "b"))))
    before = history.commits("%H")
    history.write(data="elsewhere")

    said, _ = history.run(history.log("later.log", lines(noop, event(5), event(6, "delete", "b"), event(7))))

    assert history.commits("%H")[:-1] == before
    assert " 3 writes that were replayed already" in said
    [(path, text)] = history.files().items()
    assert path == "shop/configmaps/a.yaml"
    assert 'number: "7"' in text


def test_another_configuration_adds_what_was_left_out(history: History) -> None:
    """A replay with a wider rule writes what the first one left out, and nothing else again."""
    history.write(rules=[{"name": "a", "destination": "live", "selector": "tier=front"}])
    body = event(2, "create", "b")["responseObject"]
    body["metadata"]["labels"] = {"tier": "front"}
    log = history.log(
        "audit.log", lines(event(1, "create"), event(2, "create", "b", responseObject=body), event(3))
    )
    history.run(log)
    assert history.commits("%s") == ["[CREATE] shop/configmaps/b by alice@example.com"]
    history.write()

    history.run(log)

    assert history.commits("%s")[1:] == [
        "[CREATE] shop/configmaps/a by alice@example.com",
        "[UPDATE] shop/configmaps/a by alice@example.com",
    ]


def test_a_daemon_may_run_meanwhile(history: History) -> None:
    """Its lock on the data directory is its own; masked values are those of its key."""
    data = history.folder / "data"
    data.mkdir()
    (data / "key").write_bytes(b"k" * 32)
    log = history.log("audit.log", lines(*STORY))
    with lock(data):
        history.run(log)

    assert len(history.commits()) == 4
    [key] = data.glob("replay/live-*/key")
    assert key.read_bytes() == b"k" * 32


def test_a_name_that_may_be_a_short_one_is_told(history: History) -> None:
    """A custom type that no rule selects, though a rule may mean it."""
    history.write(rules=[{"name": "a", "destination": "live", "resources": ["db", "cm"]}])
    reference = {"resource": "databases", "apiGroup": "example.com", "apiVersion": "v1", "namespace": "shop"}
    custom = {"apiVersion": "example.com/v1", "kind": "Database", "metadata": {"name": "d", "uid": "u-d"}}
    database = event(2, "create", objectRef={**reference, "name": "d"}, responseObject=custom)

    said, complained = history.run(history.log("audit.log", lines(event(1, "create"), database)))

    assert " 1 writes that no rule selects" in said
    assert "no rule selects databases.example.com; if 'db' is its short name" in complained
    assert len(history.commits()) == 1


def test_killed_at_any_moment_it_goes_on(history: History) -> None:
    """Nothing twice, nothing lost, in order, though it is killed again and again."""
    count = 3000
    names = [f"n{number % 40}" for number in range(count)]
    events = [
        event(number + 1, "create" if number < 40 else "update", name, auditID=f"id-{number}")
        for number, name in enumerate(names)
    ]
    log = history.log("audit.log", lines(*events))
    kills = 0
    while kills < 6:
        before = len(history.commits())
        process = history.start(log)
        wait_for("a commit", lambda: len(history.commits()) > before or process.poll() is not None, 60)  # noqa: B023
        if process.poll() is not None:
            process.communicate()
            break
        process.kill()
        process.communicate()
        kills += 1
    assert kills > 0

    history.run(log)

    told = history.commits("%(trailers:key=Reverser-Audit,valueonly,separator=%x2C)")
    assert [each.split(";")[0] for each in told] == [f"id-{number}" for number in range(count)]
    wanted = {f"shop/configmaps/{name}.yaml": number + 1 for number, name in enumerate(names)}
    files = history.files()
    assert set(files) == set(wanted)
    assert all(f'number: "{number}"' in files[path] for path, number in wanted.items())


def test_an_interrupt_says_how_to_go_on(history: History) -> None:
    """In one line, and the same command does."""
    log = history.log(
        "audit.log", lines(*(event(number, "create", f"n{number}") for number in range(1, 3000)))
    )
    process = history.start(log)
    wait_for("its journal", lambda: [*history.folder.glob("data/replay/*/journal.sqlite")], 60)
    process.send_signal(signal.SIGINT)
    _, complained = process.communicate(timeout=60)
    assert process.returncode == 130, complained
    assert "the same command goes on" in complained
    assert "Traceback" not in complained

    history.run(log)

    assert len(history.commits()) == 2999


def test_logs_of_several_api_servers_are_merged(history: History) -> None:
    """Each has a part of the writes, and some are out of order."""
    first = history.log("one.log", lines(event(1, "create"), event(4), event(3), event(9, name="b")))
    second = history.log("two.log.gz", gzip.compress(lines(event(2), event(5), event(8, "create", "b"))))

    history.run(second, first)

    numbers = git("-C", history.remote.path, "log", "--reverse", "--format=%at", BRANCH).split()
    assert [int(each) % 60 for each in numbers] == [1, 2, 3, 4, 5, 8, 9]


def test_broken_logs_give_what_they_have(history: History) -> None:
    """A bad line, a line that ends early, a compressed file that was cut off: told, and not fatal."""
    whole = gzip.compress(lines(*(event(number, "create", f"n{number}") for number in range(20, 60))))
    bad = history.log("bad.log", lines(event(1, "create")) + b"{]\nnot json\n\n" + lines(event(2))[:100])
    cut = history.log("cut.log.gz", whole[:-40])

    said, complained = history.run(bad, cut)

    assert " 2 lines unreadable" in said
    assert " 2 last lines unfinished" in said
    assert "cut.log.gz: the compressed file is cut off" in complained
    files = set(history.files())
    assert "shop/configmaps/a.yaml" in files
    assert len(files) > 10


def test_standard_input_is_a_log(history: History) -> None:
    """Compressed or not; a second time it adds nothing."""
    log = history.log("audit.log.gz", gzip.compress(lines(*STORY)))

    history.run("-", stdin=log)
    history.run("-", stdin=log)

    assert len(history.commits()) == 4


def test_nobody_is_blamed_for_what_the_log_does_not_show(history: History) -> None:
    """A write without its state makes the next one ambiguous; after that the author is known again."""
    patch = [{"op": "add", "path": "/data/x", "value": "1"}]
    silent = event(2, "patch", user="bob", level="Request", requestObject=patch, responseObject=None)
    log = history.log("audit.log", lines(event(1, "create"), silent, event(3), event(4)))

    said, _ = history.run(log)

    assert " 1 writes not replayable\n" in said
    assert " 1   a JSON patch without its response\n" in said
    form = "%an %(trailers:key=Attribution,valueonly,separator=%x2C) %(trailers:key=Kubernetes-Candidates,valueonly,separator=%x2C)"  # noqa: E501
    assert history.commits(form) == [
        "alice@example.com audit ",
        "unknown ambiguous alice@example.com, bob",
        "alice@example.com audit ",
    ]


def test_at_level_request_patches_that_mean_one_thing_are_applied(history: History) -> None:
    """On top of what the log has shown before; a scale, too."""
    asked = {"level": "Request", "responseObject": None}
    created = event(1, "create", **asked)
    patched = event(2, "patch", **{**asked, "requestObject": {"data": {"more": "x"}}})
    unknown = event(3, "patch", "z", **{**asked, "requestObject": {"data": {"more": "x"}}})
    log = history.log("audit.log", lines(created, patched, unknown))

    said, _ = history.run(log)

    [text] = history.files().values()
    assert 'number: "1"' in text
    assert "more: x" in text
    assert len(history.commits()) == 2
    assert " 1   a patch of an object that the log does not show before\n" in said


def test_secrets_stay_out(history: History) -> None:
    """As the destination says: none at all, or masked; never a value, also not from a patch."""
    secret = {"resource": "secrets", "namespace": "shop", "name": "s", "apiVersion": "v1"}
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "shop", "uid": "u-s"},
    }
    body["data"] = {"password": "Q0FOQVJZ"}
    made = event(1, "create", objectRef=secret, requestObject=body, responseObject=body)
    patch = {"data": {"password": "Q0FOQVJZMg=="}}
    patched = event(2, "patch", objectRef=secret, level="Request", requestObject=patch, responseObject=None)
    log = history.log("audit.log", lines(made, patched, event(3, "create")))
    history.run(log)
    assert set(history.files()) == {"shop/configmaps/a.yaml"}
    history.write(destinations=[{"name": "live", "url": history.remote.url, "secrets": "mask"}])

    said, _ = history.run(log)

    assert set(history.files()) == {"shop/configmaps/a.yaml", "shop/secrets/s.yaml"}
    assert "Q0FOQVJZ" not in git("-C", history.remote.path, "log", "-p", BRANCH)
    assert " 1   a patch of an object that is not kept whole\n" in said


def test_what_was_there_before_the_log_says_so(history: History) -> None:
    """Its author changed it, and did not make it."""
    history.run(history.log("audit.log", lines(event(5))))

    [body] = history.commits("%b")[:1]
    assert body == "First seen in the audit log; it was there before."


def test_a_branch_that_was_removed_is_written_anew(history: History) -> None:
    """Removing it is how to start over."""
    log = history.log("audit.log", lines(*STORY))
    history.run(log)
    git("-C", history.remote.path, "branch", "-D", BRANCH)

    history.run(log)

    assert len(history.commits()) == 4


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing.log"], 2, "does not exist"),
        (["--branch", "main", "audit.log"], 2, "is the branch of destination 'live'"),
        (["--branch", "a..b", "audit.log"], 2, "is not a valid branch name"),
        (["--cluster", "other", "audit.log"], 2, "is not one of default"),
        (["--destination", "other", "audit.log"], 2, "is not one of live"),
        (["audit.log", "audit.log"], 2, "named twice"),
        ([], 2, "LOGFILE"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_written(
    history: History, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str
) -> None:
    """The daemon's own branch is refused, since two writers would undo each other."""
    history.log("audit.log", lines(*STORY))
    monkeypatch.chdir(history.folder)

    _, complained = history.run(*arguments, code=code)

    assert words in " ".join(complained.split())
    assert history.commits() == []
    assert not (history.folder / "data").exists()


def test_a_remote_that_does_not_answer_ends_it(history: History) -> None:
    """With 69 and the remote's words; when it is back, the same command writes everything."""
    log = history.log("audit.log", lines(*STORY))
    history.remote.path.rename(history.folder / "away.git")
    _, complained = history.run(log, code=69)
    assert "remote.git" in complained
    (history.folder / "away.git").rename(history.remote.path)

    history.run(log)

    assert len(history.commits()) == 4


def test_the_log_of_a_real_api_server(tmp_path: Path) -> None:
    """What people did with kubectl is in the branch under their names, though the server is gone."""
    from tests.e2e.servers import built

    if not built():
        pytest.skip("real API server not built: run make test-servers")
    (tmp_path / "policy.json").write_text(json.dumps(POLICY))
    log = tmp_path / "audit.log"
    flags = (f"--audit-policy-file={tmp_path / 'policy.json'}", f"--audit-log-path={log}")
    with ControlPlane.start(tmp_path / "plane", controllers=False, flags=flags) as plane:
        for user in ("alice", "bob"):
            plane.kubectl(
                "create", "clusterrolebinding", user, "--clusterrole=cluster-admin", f"--user={user}"
            )
        plane.kubectl("create", "namespace", "shop", user="alice")
        plane.kubectl("create", "deployment", "web", "-n", "shop", "--image=nginx:1.27", user="alice")
        plane.kubectl("scale", "deployment", "web", "-n", "shop", "--replicas=3", user="bob")
        plane.kubectl("label", "deployment", "web", "-n", "shop", "tier=front", user="alice")
        plane.kubectl(
            "label", "deployment", "web", "-n", "shop", "tier=dry", "--overwrite", "--dry-run=server"
        )
        apply = ("apply", "--server-side", "-n", "shop", "-f", "-")
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"x": "1"}}
        plane.kubectl(*apply, input=json.dumps(config), user="bob")
        plane.kubectl(*apply, input=json.dumps(config), user="alice")
        plane.kubectl("delete", "configmap", "c", "-n", "shop", user="alice")
        plane.kubectl("create", "configmap", "d", "-n", "shop", user="alice")
        plane.kubectl("delete", "configmaps", "--all", "-n", "shop", user="bob")
        plane.kubectl("set", "image", "deployment/web", "*=nginx:1.28", "-n", "shop", user="bob")
    rules = [{"name": "shop", "destination": "live", "namespaces": ["shop"]}]
    history = History(tmp_path, rules=rules)

    history.run(log)
    history.run(log)

    assert history.commits() == [
        "[CREATE] shop/deployments.apps/web by alice",
        "[UPDATE] shop/deployments.apps/web by bob",
        "[UPDATE] shop/deployments.apps/web by alice",
        "[CREATE] shop/configmaps/c by bob",
        "[DELETE] shop/configmaps/c by alice",
        "[CREATE] shop/configmaps/d by alice",
        "[DELETE] shop/configmaps/d by bob",
        "[UPDATE] shop/deployments.apps/web by bob",
    ]
    [(path, text)] = history.files().items()
    assert path == "shop/deployments.apps/web.yaml"
    assert "replicas: 3" in text
    assert "nginx:1.28" in text
    assert "status" not in text


AUTHORS = "%an %(trailers:key=Attribution,valueonly,separator=%x2C) %(trailers:key=Kubernetes-Candidates,valueonly,separator=%x2C)"  # noqa: E501
MAPS = {"resource": "configmaps", "namespace": "shop", "apiVersion": "v1"}


def test_a_deletion_that_failed_in_the_middle_is_a_gap(history: History) -> None:
    """For each object of the type and namespace: files stay, the summary says so, nobody else is blamed."""
    failed = [
        event(
            number,
            "deletecollection",
            user="bob",
            objectRef=MAPS,
            responseStatus={"code": 422},
            responseObject={"kind": "Status"},
        )
        for number in (3, 4, 8)
    ]
    made = (event(1, "create"), event(2, "create", "b"), *failed[:2])
    later = (event(5, "update", "a"), event(6, "update", "b"), event(7, "update", "b"))
    log = history.log("audit.log", lines(*made, *later, failed[2], event(9, "update", "b")))

    said, _ = history.run(log)

    assert (
        "         3 writes not replayable\n"
        "         3   a deletion of a collection that failed: part of it may be deleted\n"
        "         3     configmaps in shop\n" in said
    )
    assert set(history.files()) == {"shop/configmaps/a.yaml", "shop/configmaps/b.yaml"}
    doubted = "unknown ambiguous alice@example.com, bob"
    sure = "alice@example.com audit "
    assert history.commits(AUTHORS) == [sure, sure, doubted, doubted, sure, doubted]


def test_a_write_that_may_have_been_stored_is_a_gap(history: History) -> None:
    """A time limit that ran out says nothing about the write; who writes next is not blamed for it."""
    late = event(2, user="bob", responseStatus={"code": 504}, responseObject={"kind": "Status"})
    log = history.log("audit.log", lines(event(1, "create"), late, event(3)))

    said, _ = history.run(log)

    assert " 1   a request that was answered with an error: the write may be stored\n" in said
    assert history.commits(AUTHORS) == [
        "alice@example.com audit ",
        "unknown ambiguous alice@example.com, bob",
    ]


def test_a_line_that_cannot_be_read_is_a_gap_for_its_object(history: History) -> None:
    """It is counted as unreadable, and its user is named beside the next one."""
    broken = lines(event(2, user="bob")).replace(b'"number": "2"', b'"number": ')
    log = history.log("audit.log", lines(event(1, "create")) + broken + lines(event(3)))

    said, _ = history.run(log)

    assert " 1 lines unreadable" in said
    assert " 1   an event that cannot be read\n" in said
    assert history.commits(AUTHORS)[-1] == "unknown ambiguous alice@example.com, bob"


def test_a_namespace_that_goes_takes_its_files_along_at_level_request(history: History) -> None:
    """Kubernetes lets a namespace go when it is empty; what comes after it is a new one's."""
    controller = "system:serviceaccount:kube-system:namespace-controller"
    asked = {"level": "Request", "responseObject": None}
    place = {"resource": "namespaces", "namespace": "shop", "name": "shop", "apiVersion": "v1"}
    ending = {"name": "shop", "deletionTimestamp": "2026-01-02T00:00:03Z"}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": ending, "spec": {}}
    log = history.log(
        "audit.log",
        lines(
            event(1, "create", **asked),
            event(2, "create", "b", **asked),
            event(3, "delete", objectRef=place, **{**asked, "requestObject": {}}),
            event(4, "deletecollection", user=controller, objectRef=MAPS, **{**asked, "requestObject": {}}),
            event(
                5,
                user=controller,
                objectRef={**place, "subresource": "finalize"},
                **{**asked, "requestObject": body},
            ),
            event(9, "create", "c", **asked),
        ),
    )

    history.run(log)
    history.run(log)

    assert set(history.files()) == {"shop/configmaps/c.yaml"}
    assert history.commits("%(trailers:key=Attribution,valueonly,separator=%x2C) %s")[2:4] == [
        f"audit-collection [DELETE] shop/configmaps/{name} by {controller}" for name in "ab"
    ]


def shared(history: History, *paths: str) -> None:
    """Destinations that replay into one branch, called as their folders; the root is called root."""
    named = {path or "root": path for path in paths}
    history.write(
        destinations=[
            {"name": name, "url": history.remote.url, "path": path, "branch": name}
            for name, path in named.items()
        ],
        rules=[{"name": name, "destination": name} for name in named],
    )


def test_two_destinations_of_one_repository_get_their_files(history: History) -> None:
    """What the branch tells of one is no news about the other; each is known when it is replayed again."""
    shared(history, "full", "team")
    log = history.log("audit.log", lines(*STORY))
    for name in ("full", "team"):
        history.run("--destination", name, log)

    said, _ = history.run("--destination", "full", log)

    assert "0 commits made" in said
    assert set(history.files()) == {f"{path}/shop/configmaps/b.yaml" for path in ("full", "team")}
    assert len(history.commits()) == 8


def test_destinations_inside_each_other_do_not_share_a_branch(history: History) -> None:
    """Nobody could tell whose a file is: the second is refused with the way out."""
    shared(history, "team", "")
    log = history.log("audit.log", lines(*STORY))
    history.run("--destination", "team", log)

    _, complained = history.run("--destination", "root", log, code=69)

    assert "audit-history holds a replay into 'team', and 'root' writes into the root" in complained
    assert "--branch" in complained
    assert len(history.commits()) == 4


def test_a_real_namespace_goes_and_a_real_deletion_fails(tmp_path: Path) -> None:
    """At level Request a deleted namespace leaves no file; a policy that protects one object makes a gap."""
    from tests.e2e.servers import built

    if not built():
        pytest.skip("real API server not built: run make test-servers")
    rules = [{"level": "Request", "namespaces": ["shop"]}, {"level": "RequestResponse"}]
    (tmp_path / "policy.json").write_text(json.dumps({**POLICY, "rules": rules}))
    log = tmp_path / "audit.log"
    flags = (f"--audit-policy-file={tmp_path / 'policy.json'}", f"--audit-log-path={log}")
    with ControlPlane.start(tmp_path / "plane", controllers=True, flags=flags) as plane:
        for namespace in ("shop", "guarded"):
            plane.kubectl("create", "namespace", namespace)
            for name in "abc":
                plane.kubectl("create", "configmap", name, "-n", namespace, "--from-literal=k=v")
        protect(plane)
        plane.kubectl("delete", "--raw", "/api/v1/namespaces/guarded/configmaps", check=False)
        left = plane.kubectl("get", "configmaps", "-n", "guarded", "-o", "name").split()
        plane.kubectl("delete", "namespace", "shop", "--timeout=90s")
        wait_for("the namespace's end in the log", lambda: b'"subresource":"finalize"' in log.read_bytes())
    rules = [
        {"name": "maps", "destination": "live", "resources": ["configmaps"], "exclude_namespaces": ["kube-*"]}
    ]
    history = History(tmp_path, rules=rules)

    said, _ = history.run(log)

    assert "configmap/c" in left
    assert "configmap/a" not in left
    assert " 1     configmaps in guarded\n" in said
    kept = {path for path in history.files() if path.startswith(("shop", "guarded"))}
    assert {f"guarded/configmaps/{name}.yaml" for name in "abc"} <= kept
    assert not [path for path in kept if path.startswith("shop")]


def protect(plane: ControlPlane) -> None:
    """Let nobody delete the ConfigMap c of the namespace guarded; returns when that is in force."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["configmaps"]}
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "protect"},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [
                {"expression": "oldObject.metadata.name != 'c' || oldObject.metadata.namespace != 'guarded'"}
            ],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "protect"},
        "spec": {"policyName": "protect", "validationActions": ["Deny"]},
    }
    for each in (policy, binding):
        plane.kubectl("create", "-f", "-", input=json.dumps(each))
    dry = ("delete", "configmap", "c", "-n", "guarded", "--dry-run=server", "-o", "name")
    wait_for("the policy", lambda: not plane.kubectl(*dry, check=False))

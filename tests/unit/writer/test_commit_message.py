"""What commits say, and that git reads their trailers back whatever objects are called."""

from __future__ import annotations

import subprocess
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reverser.identity.author import IdentityRule, Mailmap, compile_identities
from reverser.manifest.diff import describe
from reverser.model.attribution import Actor, Attribution, Evidence
from reverser.model.change import Operation, Origin
from reverser.model.commit import CommitPlan
from reverser.model.destination import Destination
from reverser.model.entry import Edit, Entry
from reverser.model.message import Message
from reverser.model.resource import ObjectKey
from reverser.model.rule import Actors
from reverser.writer.commit_message import author, entry_ranges, message, parse_entry
from tests.hooks import HOOKS

COMMITTER = "Reverser <reverser@localhost>"
WEB = Entry(
    destination="live",
    key=ObjectKey("default", "apps", "deployments", "shop", "web"),
    api_version="apps/v1",
    kind="Deployment",
    operation=Operation.UPDATE,
    origin=Origin.LIVE,
    edit=Edit("shop/deployments.apps/web.yaml", b"x"),
    changed_at=0.0,
    changes=(
        "spec.replicas: 2 -> 5",
        'spec.template.spec.containers[web].image: "nginx:1.27" -> "nginx:1.28"',
    ),
    attribution=Attribution(manager="kubectl-edit"),
    seq=1042,
)


def web(**changed: Any) -> Entry:
    return msgspec.structs.replace(WEB, **changed)


def named(name: str, seq: int, *, resource: str = "pods", namespace: str = "shop", **changed: Any) -> Entry:
    key = ObjectKey("default", "", resource, namespace, name)
    return web(key=key, seq=seq, api_version="v1", kind="Pod", changes=(), **changed)


def told(*entries: Entry) -> str:
    return message(CommitPlan(entries), HOOKS.message(CommitPlan(entries)), "6f1c")


def trailers(text: str) -> list[tuple[str, str]]:
    """What git itself reads from the message."""
    done = subprocess.run(
        ["git", "interpret-trailers", "--parse"], input=text.encode(), capture_output=True, check=True
    )
    lines = done.stdout.decode().split("\n")[:-1]
    return [(name, value.lstrip(" ")) for name, _, value in (line.partition(":") for line in lines)]


def test_a_live_change_reads_as_documented() -> None:
    """Subject, changed fields and trailers of one live change."""
    assert told(WEB) == (
        "[UPDATE] shop/deployments.apps/web by unknown\n"
        "\n"
        "spec.replicas: 2 -> 5\n"
        'spec.template.spec.containers[web].image: "nginx:1.27" -> "nginx:1.28"\n'
        "\n"
        "Kubernetes-Cluster: default\n"
        "Kubernetes-Object: apps/v1 Deployment shop/web\n"
        "Kubernetes-Operation: UPDATE\n"
        "Kubernetes-User: unknown\n"
        "Kubernetes-Manager: kubectl-edit\n"
        "Attribution: unresolved\n"
        "Reverser-Entry: 6f1c/1042\n"
    )


SEED = Destination("live", "file:///live", message="seed")
ALICE = Attribution(Actor("alice@corp.com"), Evidence.AUDIT)
CORE = ObjectKey("default", "", "configmaps", "shop", "settings")


@pytest.mark.parametrize(
    ("entries", "subject"),
    [
        ([WEB], "[UPDATE] apps/v1/deployments/web by user/unknown"),
        ([web(attribution=ALICE)], "[UPDATE] apps/v1/deployments/web by user/alice@corp.com"),
        (
            [web(key=CORE, api_version="v1", operation=Operation.DELETE, attribution=ALICE)],
            "[DELETE] v1/configmaps/settings by user/alice@corp.com",
        ),
        (
            [web(operation=Operation.CREATE), web(seq=1043)],
            "[CREATE+UPDATE] apps/v1/deployments/web by user/unknown",
        ),
        ([WEB, named("a", 1043)], "[UPDATE] 2 objects in shop by user/unknown"),
        ([web(origin=Origin.SNAPSHOT)], "Snapshot of default: 1 object in 1 type"),
        ([web(origin=Origin.SWEEP, edit=Edit("x", None))], "Sweep of default: 1 object gone"),
    ],
)
def test_subjects_of_the_seed(entries: list[Entry], subject: str) -> None:
    """With `message = "seed"` live changes are named as there; what it had not, and bodies, are ours."""
    plan = CommitPlan(tuple(entries))

    text = HOOKS.message(plan, SEED)

    assert text == msgspec.structs.replace(HOOKS.message(plan), subject=subject)


def test_a_creation_has_no_body_and_an_unknown_manager_no_trailer() -> None:
    """Nothing is said where there is nothing to say; objects without namespace read `_cluster/…`."""
    key = ObjectKey("default", "rbac.authorization.k8s.io", "clusterroles", "", "system:x")
    role = web(
        key=key,
        api_version="rbac.authorization.k8s.io/v1",
        kind="ClusterRole",
        operation=Operation.CREATE,
        changes=(),
        attribution=Attribution(),
    )

    assert told(role) == (
        "[CREATE] _cluster/clusterroles.rbac.authorization.k8s.io/system:x by unknown\n"
        "\n"
        "Kubernetes-Cluster: default\n"
        "Kubernetes-Object: rbac.authorization.k8s.io/v1 ClusterRole _cluster/system:x\n"
        "Kubernetes-Operation: CREATE\n"
        "Kubernetes-User: unknown\n"
        "Attribution: unresolved\n"
        "Reverser-Entry: 6f1c/1042\n"
    )


def test_a_file_that_goes_while_its_object_lives_says_why() -> None:
    """The reason stands in the body of a live removal."""
    gone = web(edit=Edit("x", None), changes=(), reason="no rule selects it any more")

    assert "\n\nFile removed; the object still exists: no rule selects it any more.\n\n" in told(gone)


def test_a_snapshot_counts_objects_and_types() -> None:
    """One commit for a snapshot, with the numbers in its subject and the entries as ranges."""
    taken = [
        web(origin=Origin.SNAPSHOT, operation=Operation.CREATE, seq=1),
        named("a", 2, origin=Origin.SNAPSHOT),
    ]
    other = named("b", 4, origin=Origin.SNAPSHOT, previous_path="old/b.yaml")

    assert told(*taken, other) == (
        "Snapshot of default: 3 objects in 2 types\n"
        "\n"
        "1 new, 2 changed, 1 moved\n"
        "\n"
        "Kubernetes-Cluster: default\n"
        "Reverser-Entry: 6f1c/1-2\n"
        "Reverser-Entry: 6f1c/4\n"
    )
    assert told(taken[0]).startswith("Snapshot of default: 1 object in 1 type\n")


def test_a_move_says_so() -> None:
    """A plan of nothing but moved files is called a move."""
    moved = [named(str(seq), seq, origin=Origin.SNAPSHOT, previous_path=f"old/{seq}") for seq in (1, 2)]

    assert told(*moved).startswith("Move of default: 2 files to new paths\n")


def test_a_sweep_names_what_is_gone_and_how_we_know() -> None:
    """The body names the objects, at most 20 lines of them, and the evidence."""
    gone = [named(f"p{seq:02}", seq, origin=Origin.SWEEP, operation=Operation.DELETE) for seq in range(1, 31)]

    text = told(*gone)

    assert text.startswith(
        "Sweep of default: 30 objects gone\n\nA complete list of their type and scope no longer has"
    )
    assert "\nshop/pods/p19\n… and 11 more\n" in text
    assert text.endswith("\nReverser-Entry: 6f1c/1-30\n")


def test_a_sweep_tells_the_living_from_the_gone() -> None:
    """A file that goes though its object lives is not counted as a deletion."""
    gone = named("a", 1, origin=Origin.SWEEP)
    left = named("b", 2, origin=Origin.SWEEP, reason="it is marked to be ignored")

    assert told(gone, left).startswith("Sweep of default: 2 objects gone or left out\n")
    assert told(left).startswith("Sweep of default: 1 object left out\n")
    assert "\nshop/pods/b: it is marked to be ignored\n" in told(gone, left)


def test_a_window_sums_up_and_names_each_object() -> None:
    """Several changes of one actor: numbers in the subject, one line an object in the body."""
    plan = (WEB, named("a", 1043), named("b", 1044))

    assert told(*plan) == (
        "[UPDATE] 3 objects in shop by unknown\n"
        "\n"
        "UPDATE shop/deployments.apps/web: spec.replicas: 2 -> 5 (and 1 more)\n"
        "UPDATE shop/pods/a\n"
        "UPDATE shop/pods/b\n"
        "\n"
        "Kubernetes-Cluster: default\n"
        "Kubernetes-User: unknown\n"
        "Kubernetes-Manager: kubectl-edit\n"
        "Attribution: unresolved\n"
        "Reverser-Entry: 6f1c/1042-1044\n"
    )
    far = named("x", 7, namespace="", operation=Operation.CREATE)
    assert told(*plan, far).startswith("[CREATE+UPDATE] 4 objects in 2 namespaces by unknown\n")
    assert told(WEB, web(seq=1043)).startswith("[UPDATE] shop/deployments.apps/web by unknown\n")


def test_overwritten_commits_are_named() -> None:
    """When our edit goes on top of somebody's, their commit is in a trailer."""
    text = message(CommitPlan((WEB,)), Message("x"), "6f1c", ["abc", "def"])

    assert [value for name, value in trailers(text) if name == "Reverser-Overwrote"] == ["abc", "def"]


HOSTILE = st.text(max_size=12) | st.sampled_from(
    [
        "a\n\nReverser-Entry: 6f1c/1", "a\r\nb: c", "---", "--- a", "a\u2028Reverser-Entry: x/1", " x", "x ",
        ":", "Signed-off-by: a <b@c>", "(cherry picked from commit abc)", "\ud800", "\0",
        "\x85Kubernetes-User: root", "#", "%s", "@{", "x" * 300,
    ]
)  # fmt: skip
OURS = {
    "Kubernetes-Cluster", "Kubernetes-Object", "Kubernetes-Operation", "Kubernetes-User",
    "Kubernetes-Manager", "Attribution", "Reverser-Entry",
}  # fmt: skip


@settings(max_examples=60, deadline=None)
@example("Reverser-Entry", "6f1c/1", "\n\nReverser-Entry: 6f1c/1\n")
@example("---", "---\n", "\n---\n")
@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_name_can_forge_a_trailer(key: str, name: str, value: str) -> None:
    """Whatever keys, names and values say, git reads our trailers and no others; the subject is one line."""
    changes = describe({key: value}, {key: value + "x", name: value}) + describe({"a": 1}, {"a": value})
    who = Attribution(Actor(name or "x"), manager=value)
    hostile = web(
        key=ObjectKey("default", "apps", "deployments", "shop", name),
        changes=changes,
        attribution=who,
        kind=key or "K",
    )
    for plan in ([hostile], [hostile, web(seq=1043)]):
        text = told(*plan)
        found = trailers(text)

        assert [v for n, v in found if n == "Reverser-Entry"] == [
            f"6f1c/{'-'.join(str(e.seq) for e in plan)}"
        ]
        assert {n for n, _ in found} <= OURS
        subject, blank, *_ = text.split("\n")
        assert len(subject) <= 200
        assert blank == ""
        assert len(subject.splitlines()) == 1


def test_a_long_name_keeps_the_actor_in_the_subject() -> None:
    """A subject is cut in the object, which the trailer names in full; never in the actor."""
    text = told(named("x" * 253, 1))

    assert text.split("\n")[0].endswith("xxx… by unknown")
    assert f"Kubernetes-Object: v1 Pod shop/{'x' * 253}\n" in text


def test_authors() -> None:
    """Live changes are authored by their actor, unknown is a value; snapshots and sweeps by the committer."""
    identify = compile_identities((), Mailmap())
    alice = Attribution(Actor("alice@corp.com"), Evidence.ADMISSION)

    def written_by(**changes: Any) -> str:
        return author(CommitPlan((web(**changes),)), COMMITTER, identify)

    assert written_by() == "unknown <unknown@reverser.invalid>"
    assert written_by(origin=Origin.SNAPSHOT, attribution=alice) == COMMITTER
    assert written_by(origin=Origin.SWEEP, attribution=alice) == COMMITTER
    assert written_by(attribution=alice) == "alice@corp.com <alice@corp.com>"


@pytest.mark.parametrize("evidence", [Evidence.MANAGER, Evidence.AMBIGUOUS, Evidence.UNRESOLVED])
def test_no_rule_names_somebody_unknown(evidence: Evidence) -> None:
    """Evidence that names nobody makes the author `unknown`, even where a rule would match any name."""
    identify = compile_identities([IdentityRule("Team <team@corp.com>")], Mailmap())
    plan = CommitPlan((web(attribution=Attribution(evidence=evidence)),))

    assert author(plan, COMMITTER, identify) == "unknown <unknown@reverser.invalid>"


def test_trailers_on_the_actor() -> None:
    """Everything that is known of the actor has its trailer, and hostile text stays in its line."""
    attribution = Attribution(
        Actor("alice", ("admins", "system:authenticated")),
        Evidence.AUDIT,
        manager="kubectl-edit",
        impersonator="bob\nAttribution: admission",
        user_agent="kubectl/v1.34",
        caused_by="bob deleted namespace shop",
    )
    lines = told(web(attribution=attribution)).splitlines()
    start = lines.index("Kubernetes-User: alice")

    assert lines[start + 1 : start + 7] == [
        "Kubernetes-Groups: admins, system:authenticated",
        "Kubernetes-Impersonator: bob\\u000aAttribution: admission",
        "Kubernetes-User-Agent: kubectl/v1.34",
        "Kubernetes-Manager: kubectl-edit",
        "Kubernetes-Caused-By: bob deleted namespace shop",
        "Attribution: audit",
    ]


def test_candidates_are_named() -> None:
    """An ambiguous change names those who could have made it, and no author."""
    attribution = Attribution(evidence=Evidence.AMBIGUOUS, candidates=("alice", "bob"))

    text = told(web(attribution=attribution))

    assert text.splitlines()[0].endswith(" by unknown")
    assert "Kubernetes-Candidates: alice, bob\nAttribution: ambiguous\n" in text


@given(st.sets(st.integers(1, 40)))
def test_ranges_read_back_as_the_same_numbers(seqs: set[int]) -> None:
    """Ranges name every entry once and no other."""
    parsed = [parse_entry(f"6f1c/{text}") for text in entry_ranges(seqs)]

    back = [seq for found in parsed if found for seq in range(found[1], found[2] + 1)]
    assert back == sorted(seqs)
    assert len(parsed) == sum(1 for seq in seqs if seq - 1 not in seqs)


@pytest.mark.parametrize(
    "value",
    ["", "6f1c", "6f1c/", "/1", "6f1c/x", "6f1c/2-1", "6f1c/1-", "a b/1", "6f1c/1/2", "6f1c/٣", "6f1c/-1"],
)
def test_other_values_are_not_ours(value: str) -> None:
    """A trailer value of another shape is not taken for an entry."""
    assert parse_entry(value) is None


FLUX = Attribution(Actor("system:serviceaccount:flux-system:kustomize-controller"), Evidence.ADMISSION)
FOLD = (Actors(exclude_users=("system:*",), exclude_managers=("argocd-*",), excluded="fold"),)


def test_a_folded_write_is_told_apart() -> None:
    """Subject, body and trailers are the actor's; what is folded in says what, by whom, and how we know."""
    alice = Attribution(Actor("alice"), Evidence.ADMISSION, manager="kubectl-edit")
    fields = ("spec.replicas",)
    flux = web(attribution=FLUX, actors=FOLD, changes=("spec.replicas: 5 -> 2",), fields=fields, seq=1041)
    own = web(attribution=alice, actors=FOLD, changes=("spec.replicas: 2 -> 5",), fields=fields)

    assert told(flux, own) == (
        "[UPDATE] shop/deployments.apps/web by alice\n"
        "\n"
        "spec.replicas: 2 -> 5\n"
        "\n"
        "Folded in:\n"
        "\n"
        "UPDATE shop/deployments.apps/web by system:serviceaccount:flux-system:kustomize-controller"
        " (admission): spec.replicas: 5 -> 2\n"
        "\n"
        "Kubernetes-Cluster: default\n"
        "Kubernetes-Object: apps/v1 Deployment shop/web\n"
        "Kubernetes-Operation: UPDATE\n"
        "Kubernetes-User: alice\n"
        "Kubernetes-Manager: kubectl-edit\n"
        "Attribution: admission\n"
        "Kubernetes-Folded-User: system:serviceaccount:flux-system:kustomize-controller\n"
        "Reverser-Entry: 6f1c/1041-1042\n"
    )
    assert written_by(flux, own) == "alice <alice@reverser.invalid>"


def test_excluded_writes_name_those_who_made_them() -> None:
    """A commit of excluded writes is the committer's, and names users and managers."""
    argo = Attribution(evidence=Evidence.MANAGER, manager="argocd-controller")

    text = told(
        web(attribution=FLUX, actors=FOLD, changes=("spec.replicas: 5 -> 2",)),
        named("a", 1043, attribution=argo, actors=FOLD, operation=Operation.DELETE),
    )

    assert text == (
        "Excluded writes of default: 2 objects\n"
        "\n"
        "UPDATE shop/deployments.apps/web by system:serviceaccount:flux-system:kustomize-controller"
        " (admission): spec.replicas: 5 -> 2\n"
        "DELETE shop/pods/a by unknown (manager argocd-controller)\n"
        "\n"
        "Kubernetes-Cluster: default\n"
        "Kubernetes-Excluded-User: system:serviceaccount:flux-system:kustomize-controller\n"
        "Kubernetes-Excluded-Manager: argocd-controller\n"
        "Reverser-Entry: 6f1c/1042-1043\n"
    )
    assert written_by(web(attribution=FLUX, actors=FOLD)) == COMMITTER


def test_many_excluded_users_are_bounded_and_cannot_forge() -> None:
    """Twenty are named at most, and a name stays in its line."""
    users = [f"system:{number}\nReverser-Entry: 6f1c/9" for number in range(30)]
    plan = [
        named(f"p{seq}", seq, attribution=Attribution(Actor(user), Evidence.AUDIT), actors=FOLD)
        for seq, user in enumerate(users, 1)
    ]

    found = trailers(told(*plan))

    assert [name for name, _ in found].count("Kubernetes-Excluded-User") == 20
    assert [value for name, value in found if name == "Reverser-Entry"] == ["6f1c/1-30"]


def written_by(*entries: Entry) -> str:
    return author(CommitPlan(entries), COMMITTER, compile_identities((), Mailmap()))

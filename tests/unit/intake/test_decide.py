"""What one change means for one destination: written, removed, left alone, or withheld."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from reverser.intake.decide import decide, missing_from_list
from reverser.intake.route import Route, compile_routes
from reverser.model.change import Operation, Origin, Stream
from reverser.model.destination import Destination, Sops
from reverser.model.entry import UNSEEN, Decision, Edit, Record, digest, encrypted
from reverser.model.resource import ResourceType
from reverser.model.rule import Rule, SanitizeRule
from tests.changes import DEPLOYMENTS, EVERYTHING, KEY, LIVE, SEEN_AT, change, recorded, route, web
from tests.hooks import HOOKS

SECRETS = ResourceType("", "v1", "secrets", "Secret", True)
NAMESPACES = ResourceType("", "v1", "namespaces", "Namespace", False, subresources=("status",))


def secret(value: str = "aHVudGVyMg==") -> dict[str, Any]:
    metadata = {"name": "login", "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"password": value}}


def removed(decision: Decision) -> Decision:
    """The decision, if it is one that removes a file."""
    assert decision.result == "removed"
    assert decision.forget
    assert decision.record is None
    assert decision.entry is not None
    assert decision.entry.edit.content is None
    return decision


@pytest.mark.parametrize("origin", [Origin.LIVE, Origin.SNAPSHOT])
def test_an_object_without_a_file_is_created(origin: Origin) -> None:
    """Its entry holds the whole file, and its record what the entry wrote."""
    decision = decide(route(), change(web(), origin), None)

    assert decision.result == "written"
    assert (decision.entry and decision.entry.operation) is Operation.CREATE
    assert (decision.entry and decision.entry.origin) is origin
    assert decision.entry is not None
    assert decision.entry.edit.path == "shop/deployments.apps/web.yaml"
    assert decision.entry.edit.content is not None
    assert decision.entry.edit.content.startswith(b"apiVersion: apps/v1\nkind: Deployment\n")
    assert b"resourceVersion" not in decision.entry.edit.content
    assert decision.record is not None
    assert (decision.record.path, decision.record.key) == (decision.entry.edit.path, decision.entry.key)
    assert json.loads(decision.record.content)["spec"] == {"replicas": 1}
    assert decision.entry.changes == ()


def test_a_changed_object_is_updated_with_what_changed() -> None:
    """A live update names the fields; one that a snapshot finds does not, as nobody made it just now."""
    record = recorded(route(), web())

    live = decide(route(), change(web(replicas=3)), record)
    found = decide(route(), change(web(replicas=3), Origin.SNAPSHOT), record)

    assert live.entry is not None
    assert found.entry is not None
    assert (live.entry.operation, live.entry.changes) == (Operation.UPDATE, ("spec.replicas: 1 -> 3",))
    assert (found.entry.operation, found.entry.changes) == (Operation.UPDATE, ())
    assert live.record == found.record != record
    assert live.entry.previous_path == ""


@pytest.mark.parametrize("origin", [Origin.LIVE, Origin.SNAPSHOT])
def test_noise_is_no_change(origin: Origin) -> None:
    """Status, versions and managed fields may change as they like."""
    record = recorded(route(), web())
    noisy = web(resourceVersion="9", generation=4, managedFields=[{"manager": "x", "operation": "Update"}])
    noisy["status"] = {"replicas": 17}

    assert decide(route(), change(noisy, origin), record) == Decision("unchanged")


def test_insignificant_fields_alone_are_no_reason() -> None:
    """They are stored when something else changed, and are no reason for a commit of their own."""
    made = route(sanitize=(SanitizeRule(insignificant=("spec.heartbeat",)),))
    obj = web()
    obj["spec"]["heartbeat"] = 1
    record = recorded(made, obj)
    beating = web()
    beating["spec"]["heartbeat"] = 2
    changed = web(replicas=2)
    changed["spec"]["heartbeat"] = 3

    assert decide(made, change(beating), record).result == "unchanged"
    decision = decide(made, change(changed), record)
    assert decision.entry is not None
    assert decision.entry.edit.content is not None
    assert b"heartbeat: 3" in decision.entry.edit.content


def test_replicas_that_an_autoscaler_moves_are_no_reason() -> None:
    """Where an autoscaler names the object its replicas alone make no commit."""
    record = recorded(route(), web())

    assert decide(route(), change(web(replicas=9)), record, scaled=True).result == "unchanged"
    assert decide(route(), change(web(replicas=9)), record).result == "written"


def test_a_deleted_object_loses_its_file() -> None:
    """The file that was recorded goes, wherever the layout would put it today."""
    record = msgspec.structs.replace(recorded(route(), web()), path="old/place.yaml")

    decision = removed(decide(route(), change(web(), deleted=True), record))

    assert decision.entry is not None
    assert decision.entry.edit == Edit("old/place.yaml", None)
    assert (decision.entry.operation, decision.entry.origin) == (Operation.DELETE, Origin.LIVE)
    assert (decision.entry.reason, decision.entry.changed_at) == ("", SEEN_AT)


def test_an_object_that_goes_without_a_file_is_no_entry() -> None:
    """The second event of a deletion finds nothing to do; nothing stays shown as withheld."""
    assert decide(route(), change(web(), deleted=True), None) == Decision("unchanged", forget=True)


def test_an_object_that_a_list_lacks_is_swept() -> None:
    """Its file goes, and the entry says that nobody saw who did it."""
    record = recorded(route(), web())

    decision = removed(missing_from_list(route(), Stream("default", DEPLOYMENTS), record, SEEN_AT))

    assert decision.entry is not None
    assert (decision.entry.operation, decision.entry.origin) == (Operation.DELETE, Origin.SWEEP)
    assert (decision.entry.kind, decision.entry.api_version) == ("Deployment", "apps/v1")


@pytest.mark.parametrize(("origin", "told"), [(Origin.LIVE, Origin.LIVE), (Origin.SNAPSHOT, Origin.SWEEP)])
def test_an_object_that_leaves_the_selection_loses_its_file(origin: Origin, told: Origin) -> None:
    """Its labels changed so that no rule selects it any more: an update with a reason."""
    made = route(Rule("gold", "live", selector="tier=gold"))
    record = recorded(made, web(labels={"tier": "gold"}))

    decision = removed(decide(made, change(web(labels={"tier": "tin"}), origin), record))

    assert decision.entry is not None
    assert (decision.entry.operation, decision.entry.origin) == (Operation.UPDATE, told)
    assert decision.entry.reason == "no rule selects it any more"


def unselected(record: Record | None) -> Decision:
    """Nothing is written; a record remembers that its object may have changed since."""
    return Decision("unselected", record=record and msgspec.structs.replace(record, latest=UNSEEN))


def test_a_changed_configuration_leaves_files_alone() -> None:
    """Objects whose recorded state today's rules do not select keep their files, deleted or not."""
    record = recorded(route(), web())
    today = route(Rule("gold", "live", selector="tier=gold"))

    assert decide(today, change(web()), record) == unselected(record)
    assert decide(today, change(web(), deleted=True), record) == Decision("unselected")
    assert missing_from_list(today, Stream("default", DEPLOYMENTS), record, SEEN_AT) == Decision("unselected")


@pytest.mark.parametrize("where", ["labels", "annotations"])
@pytest.mark.parametrize(("mark", "left_out"), [("true", True), ("", True), ("no", True), ("false", False)])
def test_the_ignore_mark_leaves_an_object_out(where: str, mark: str, left_out: bool) -> None:
    """Any value but "false" removes the file when it appears, and keeps one from being made."""
    marked = web()
    marked["metadata"][where] = {"gitops-reverser.io/ignore": mark}
    record = recorded(route(), web())

    with_file, without = decide(route(), change(marked), record), decide(route(), change(marked), None)

    assert without.result == ("excluded" if left_out else "written")
    assert with_file.result == ("removed" if left_out else "written")
    if left_out:
        assert with_file.entry is not None
        assert "gitops-reverser.io/ignore" in with_file.entry.reason


def test_an_object_that_a_controller_adopts_loses_its_file() -> None:
    """Nobody declares it any more; an owner that is no controller changes nothing."""
    record = recorded(route(), web())
    owner = {"apiVersion": "example.com/v1", "kind": "Shop", "name": "s", "uid": "2"}

    adopted = decide(route(), change(web(ownerReferences=[owner | {"controller": True}])), record)
    owned = decide(route(), change(web(ownerReferences=[owner])), record)

    assert removed(adopted).entry is not None
    assert adopted.entry is not None
    assert adopted.entry.reason == "a controller owns it"
    assert owned == Decision("unchanged")


def test_rules_that_overlap_make_one_file() -> None:
    """Several rules that lead to one destination are one route, and any of them is enough."""
    made = route(
        Rule("first", "live", selector="tier=gold"),
        Rule("second", "live", namespaces=("shop",)),
        Rule("third", "live"),
    )
    record = recorded(made, web(labels={"tier": "gold"}))

    decision = decide(made, change(web(labels={"tier": "tin"})), record)

    assert decision.result == "written"


def test_destinations_decide_for_themselves() -> None:
    """Each destination has its own rules, layout, style and record of one object."""
    other = Destination("other", "file:///other", layout="rest", path="deep/down", secrets="mask")
    rules = [EVERYTHING, Rule("some", "other", selector="tier=gold")]
    live_route, other_route = compile_routes(rules, [LIVE, other], (), KEY, HOOKS)["default"]

    first = decide(live_route, change(web()), None)
    second = decide(other_route, change(web()), None)
    third = decide(other_route, change(web(labels={"tier": "gold"})), None)

    assert (first.result, second.result, third.result) == ("written", "unselected", "written")
    assert third.entry is not None
    assert third.record is not None
    assert third.entry.destination == third.record.destination == "other"
    assert third.entry.edit.path == "deep/down/apps/v1/deployments/shop/web.yaml"


def test_masked_values_of_two_tenants_cannot_be_compared() -> None:
    """One value has one digest in the GitRepoConfigs of a namespace, and another in those of the next."""
    names = ("live", "shop/one", "shop/two", "evil/one")
    destinations = [Destination(name, f"file:///{name}", secrets="mask") for name in names]
    rules = [Rule(name, name) for name in names]
    routes = compile_routes(rules, destinations, (), KEY, HOOKS)["default"]
    written = {each.destination.name: decide(each, change(secret(), type=SECRETS), None) for each in routes}
    live, one, two, evil = (
        each.entry.edit.content for each in map(written.get, names) if each and each.entry
    )

    assert live is not None
    assert b"hmac:" in live
    assert one == two
    assert len({live, one, evil}) == 3


@pytest.mark.parametrize("origin", [Origin.LIVE, Origin.SNAPSHOT])
def test_an_omitted_secret_has_no_entry_at_all(origin: Origin) -> None:
    """Under `omit` nothing is decided about a Secret, also not about a file that it had when masked."""
    masking = route(destination=msgspec.structs.replace(LIVE, secrets="mask"))
    record = recorded(masking, secret(), type=SECRETS)

    for known in (None, record):
        assert decide(route(), change(secret(), origin, type=SECRETS), known) == unselected(known)
    assert decide(route(), change(secret(), type=SECRETS, deleted=True), record) == Decision("unselected")
    assert missing_from_list(route(), Stream("default", SECRETS), record, SEEN_AT) == Decision("unselected")
    assert not route().wants_type(SECRETS)
    assert masking.wants_type(SECRETS)


def test_a_masked_secret_shows_that_it_changed_and_not_what() -> None:
    """A rotation is a change; neither value stands in the file, the record or the field list."""
    made = route(destination=msgspec.structs.replace(LIVE, secrets="mask"))
    record = recorded(made, secret(), type=SECRETS)

    decision = decide(made, change(secret("aHVudGVyMw=="), type=SECRETS), record)

    assert decision.entry is not None
    assert decision.entry.operation is Operation.UPDATE
    assert decision.entry.changes
    stored = msgspec.json.encode(decision)
    assert not any(each in stored for each in (b"hunter", b"aHVudGVy"))
    assert decision.entry.edit.content is not None
    assert b"password: " in decision.entry.edit.content
    assert not any("hmac" in line for line in decision.entry.changes)
    assert decide(made, change(secret(), type=SECRETS), record) == Decision("unchanged")


@pytest.mark.parametrize(
    ("obj", "reason"),
    [
        (web(finalizers="not a list"), "Unreadable"),
        (web() | {"spec": {"deep": json.loads("[" * 300 + "]" * 300)}}, "TooDeep"),
        (web() | {"spec": {"text": "\ud800"}}, "InvalidText"),
    ],
)
def test_an_object_that_cannot_be_written_is_withheld(obj: dict[str, Any], reason: str) -> None:
    """It is shown with its reason; what was written of it before stays, and so does its record."""
    record = recorded(route(), web())

    for known in (None, record):
        decision = decide(route(), change(obj), known)
        assert (decision.result, decision.entry, decision.record, decision.forget) == (
            "withheld",
            None,
            None,
            False,
        )
        assert decision.withheld is not None
        assert (decision.withheld.reason, decision.withheld.at) == (reason, SEEN_AT)
        assert decision.withheld.destination == "live"


def test_a_name_that_is_no_path_is_withheld() -> None:
    """An object whose file would leave the root has none."""
    decision = decide(route(), change(web(name="..", namespace="..")), None)

    assert decision.result == "withheld"
    assert decision.withheld is not None
    assert decision.withheld.reason == "UnsafePath"


def test_a_moved_file_names_its_former_place() -> None:
    """A layout that changed moves the file though its content is the same."""
    record = recorded(route(), web())
    moved = route(destination=msgspec.structs.replace(LIVE, path="deep"))

    decision = decide(moved, change(web(), Origin.SNAPSHOT), record)

    assert decision.entry is not None
    assert (decision.entry.previous_path, decision.entry.edit.path) == (
        "shop/deployments.apps/web.yaml",
        "deep/shop/deployments.apps/web.yaml",
    )


@pytest.mark.parametrize(
    ("operations", "written"),
    [
        (("create",), {"added", "listed", "changed since"}),
        (("update",), {"modified", "first modified", "changed since"}),
        (("delete",), {"deleted", "missing"}),
        (("create", "update"), {"added", "listed", "modified", "first modified", "changed since"}),
    ],
)
def test_a_rule_writes_its_operations_only(operations: Any, written: set[str]) -> None:
    """A listed object counts as created, a missing one as deleted, a first update as an update."""
    made = route(Rule("some", "live", operations=operations))
    record = recorded(route(), web())
    changed = web(replicas=2)
    decisions = {
        "added": decide(made, change(changed, created=True), None),
        "listed": decide(made, change(changed, Origin.SNAPSHOT, created=True), None),
        "modified": decide(made, change(changed), record),
        "first modified": decide(made, change(changed), None),
        "changed since": decide(made, change(changed, Origin.SNAPSHOT, created=True), record),
        "deleted": decide(made, change(web(), deleted=True), record),
        "missing": missing_from_list(made, Stream("default", DEPLOYMENTS), record, SEEN_AT),
    }
    if operations == ("create",):
        written = written | {"first modified"}

    assert {name for name, decision in decisions.items() if decision.entry is not None} == written
    for name in decisions.keys() - written:
        changed_since = record if name in ("modified", "changed since") else None
        assert decisions[name] == unselected(changed_since)


def test_an_object_created_anew_over_a_kept_file_is_written() -> None:
    """Where deletions are not written, the object that comes next under the name is."""
    made = route(Rule("some", "live", operations=("create",)))
    record = recorded(route(), web())

    assert decide(made, change(web(replicas=2), created=True), record).result == "written"


@pytest.mark.parametrize(
    ("type", "labels", "selector"),
    [
        (DEPLOYMENTS, {"kustomize.toolkit.fluxcd.io/name": "apps"}, "kustomize.toolkit.fluxcd.io/name"),
        (NAMESPACES, {"kubernetes.io/metadata.name": "web"}, "kubernetes.io/metadata.name=web"),
    ],
)
def test_a_selector_may_ask_for_what_is_stripped(
    type: ResourceType,  # noqa: A002
    labels: dict[str, str],
    selector: str,
) -> None:
    """An object that a label selects which no file holds loses its file when it is deleted."""
    made = route(Rule("some", "live", selector=selector))
    obj = web(labels=labels) | {"kind": type.kind, "apiVersion": type.api_version}
    record = recorded(made, obj, type=type)
    assert selector.partition("=")[0].encode() not in record.content

    removed(decide(made, change(obj, type=type, deleted=True), record))


def test_the_time_is_when_it_was_written_as_far_as_it_is_known() -> None:
    """The newest managed-fields time that is no status write, else when the change was seen."""
    fields = [
        {"manager": "kubectl-edit", "operation": "Update", "time": "2026-01-02T03:04:05Z"},
        {
            "manager": "controller",
            "operation": "Update",
            "time": "2026-01-02T03:04:09Z",
            "subresource": "status",
        },
    ]
    known = decide(route(), change(web(managedFields=fields)), None).entry
    unknown = decide(route(), change(web()), None).entry

    assert known is not None
    assert unknown is not None
    assert (known.changed_at, known.attribution.manager) == (1767323045.0, "kubectl-edit")
    assert (unknown.changed_at, unknown.attribution.manager) == (SEEN_AT, "")


def test_digests_need_the_key() -> None:
    """What is recorded of a content cannot be computed from the content alone."""
    one, two = recorded(route(), web()), recorded(route(key=bytes(32)), web())

    assert one.content == two.content
    assert one.digest != two.digest


def test_the_object_itself_is_left_as_it_is() -> None:
    """Deciding changes nothing that another destination will look at."""
    obj = web(managedFields=[{"manager": "x"}], labels={"a": "b"})
    before = json.dumps(obj)
    decide(route(), change(obj), None)

    assert json.dumps(obj) == before


EXCLUDING = Rule("excluding", "live", exclude_users=("flux",), excluded="fold")


def told_of_actors(decision: Decision) -> list[str]:
    """The globs that travel with a decision's entry."""
    assert decision.entry is not None
    return [glob for said in decision.entry.actors for glob in said.exclude_users]


def test_what_rules_say_of_actors_travels_with_the_entry() -> None:
    """Written, left out or deleted: the entry knows whose writes the rules exclude."""
    made = route(msgspec.structs.replace(EXCLUDING, selector="tier=gold"))
    gold = web(labels={"tier": "gold"})
    record = recorded(made, gold)
    ignored = web(labels={"tier": "gold"}, annotations={"gitops-reverser.io/ignore": "yes"})

    assert told_of_actors(decide(made, change(gold), None)) == ["flux"]
    assert told_of_actors(decide(made, change(web()), record)) == ["flux"]
    assert told_of_actors(decide(made, change(ignored), record)) == ["flux"]
    assert told_of_actors(decide(made, change(gold, deleted=True), record)) == ["flux"]


def test_a_rule_that_takes_everybody_decides() -> None:
    """It does for the operations that it writes, and for no others."""
    made = route(EXCLUDING, Rule("births", "live", operations=("create",)))

    assert told_of_actors(decide(made, change(web(), created=True), None)) == []
    assert told_of_actors(decide(made, change(web(replicas=2)), recorded(made, web()))) == ["flux"]


SOPS = Sops(age=("age1one",))
ENCRYPTING = Destination("live", "file:///live", secrets="encrypt", sops=SOPS)


def sealed(made: Route, obj: dict[str, Any], file: bytes, record: Record | None = None) -> Decision:
    """The decision about a Secret, once somebody has encrypted it."""
    decision = decide(made, change(obj, type=SECRETS), record)
    assert decision.clear is not None
    return encrypted(decision, file, KEY)


def test_a_secret_to_encrypt_is_in_clear_in_one_place_only() -> None:
    """Entry, record and field list hold digests until the file is there, and never a value."""
    decision = decide(route(destination=ENCRYPTING), change(secret(), type=SECRETS), None)

    assert decision.clear is not None
    assert decision.clear.content["data"] == {"password": "aHVudGVyMg=="}
    assert "aHVudGVy" not in repr(decision)
    without = msgspec.json.encode(msgspec.structs.replace(decision, clear=None))
    assert b"aHVudGVy" not in without
    done = encrypted(decision, b"sealed", KEY)
    assert done.clear is None
    assert done.entry is not None
    assert done.entry.edit.content == b"sealed"
    assert done.record is not None
    assert done.record.digest == digest(b"sealed", KEY)


def test_the_same_secret_is_not_encrypted_again() -> None:
    """While plaintext and recipients stay, nothing is to be done; when one of them changes, all is."""
    made = route(destination=ENCRYPTING)
    record = sealed(made, secret(), b"sealed").record
    assert record is not None

    assert decide(made, change(secret(), type=SECRETS), record) == Decision("unchanged")
    rotated = decide(made, change(secret("aHVudGVyMw=="), type=SECRETS), record)
    assert rotated.clear is not None
    assert rotated.entry is not None
    assert rotated.entry.changes == ("data.password: changed",)
    for sops in (Sops(age=("age1two",)), Sops(age=("age1one", "age1two"))):
        other = route(destination=msgspec.structs.replace(ENCRYPTING, sops=sops))
        assert decide(other, change(secret(), type=SECRETS), record).clear is not None


def test_an_encrypted_file_moves_as_it_is() -> None:
    """Another layout puts the same bytes elsewhere."""
    record = sealed(route(destination=ENCRYPTING), secret(), b"sealed").record
    moved = decide(
        route(destination=msgspec.structs.replace(ENCRYPTING, layout="rest")),
        change(secret(), type=SECRETS),
        record,
    )

    assert moved.clear is None
    assert moved.entry is not None
    assert moved.entry.edit == Edit("v1/secrets/shop/login.yaml", b"sealed")
    assert moved.entry.previous_path == "shop/secrets/login.yaml"
    assert moved.record is not None
    assert moved.record.digest == digest(b"sealed", KEY)


@pytest.mark.parametrize("insignificant", [(), ("metadata.labels",)])
def test_other_policies_make_other_files(insignificant: tuple[str, ...]) -> None:
    """From mask to encrypt and back, and to other recipients: also where some fields alone do not count."""
    rules = (SanitizeRule(("secrets",), insignificant=insignificant),)
    encrypting = route(destination=ENCRYPTING, sanitize=rules)
    masking = route(destination=msgspec.structs.replace(LIVE, secrets="mask"), sanitize=rules)
    others = msgspec.structs.replace(ENCRYPTING, sops=Sops(age=("age1two",)))
    masked = recorded(masking, secret(), type=SECRETS)
    hidden = sealed(encrypting, secret(), b"sealed", masked).record

    back = decide(masking, change(secret(), type=SECRETS), hidden)
    assert back.record == masked
    assert decide(route(destination=others, sanitize=rules), change(secret(), type=SECRETS), hidden).clear


def test_insignificant_fields_of_a_secret_are_no_reason_to_encrypt() -> None:
    """A label that does not count changes nothing; with something that counts it goes along."""
    made = route(
        destination=ENCRYPTING, sanitize=(SanitizeRule(("secrets",), insignificant=("metadata.labels",)),)
    )
    record = sealed(made, secret(), b"sealed").record
    labelled = secret()
    labelled["metadata"]["labels"] = {"a": "b"}

    unchanged = decide(made, change(labelled, type=SECRETS), record)
    assert (unchanged.result, unchanged.entry, unchanged.clear) == ("unchanged", None, None)
    found = decide(made, change(labelled | {"data": {"password": "bmV3"}}, type=SECRETS), record)
    assert found.clear is not None
    assert found.clear.content["metadata"]["labels"] == {"a": "b"}


FLUX = "kustomize.toolkit.fluxcd.io/name"


@pytest.mark.parametrize("strip", [FLUX, "team"])
def test_a_record_tells_by_what_it_was_selected(strip: str) -> None:
    """A label that the sanitizer strips selects: when it, or the object, has gone, the file goes."""
    stripped = SanitizeRule(strip=(f"metadata.labels['{strip}']",))
    made = route(Rule("some", "live", selector=f"{strip}=apps"), sanitize=(stripped,))
    record = recorded(made, web(labels={strip: "apps"}))
    assert strip not in record.content.decode()

    removed(decide(made, change(web()), record))
    removed(missing_from_list(made, Stream("default", DEPLOYMENTS), record, SEEN_AT))

    other = route(Rule("some", "live", selector=f"{strip}=other"), sanitize=(stripped,))
    assert decide(other, change(web()), record).result == "unselected", "the configuration changed"
    assert missing_from_list(other, Stream("default", DEPLOYMENTS), record, SEEN_AT).result == "unselected"


def test_a_record_learns_by_what_it_is_selected_now() -> None:
    """A rule that came later selects by a label that no document shows: that is no reason for a commit."""
    record = recorded(route(), web(labels={FLUX: "apps"}))
    assert record.selectors == ()
    made = route(Rule("some", "live", selector=f"{FLUX}=apps"))

    decision = decide(made, change(web(labels={FLUX: "apps"}), Origin.SNAPSHOT), record)

    assert (decision.result, decision.entry) == ("unchanged", None)
    assert decision.record is not None
    removed(missing_from_list(made, Stream("default", DEPLOYMENTS), decision.record, SEEN_AT))


@pytest.mark.parametrize(("mark", "operation"), [("anew", Operation.UPDATE), ("absent", Operation.CREATE)])
def test_what_was_given_up_is_decided_anew(mark: Any, operation: Operation) -> None:
    """An entry was withheld: its object is written though it equals its record, and its deletion is known."""
    made = route()
    record = msgspec.structs.replace(recorded(made, web()), mark=mark)

    decision = decide(made, change(web()), record)

    assert decision.result == "written"
    assert decision.entry is not None
    assert decision.entry.operation is operation
    assert decision.record is not None
    assert decision.record.mark == ""
    removed(decide(made, change(web(), deleted=True), record))

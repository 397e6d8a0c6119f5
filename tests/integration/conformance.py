"""What the product relies on in an API server, as tests that any server must pass.

They run against the sandbox (test_sandbox_conformance.py) and against a real API server
(e2e/test_conformance.py), so that the sandbox stays honest. A module that runs them gives two fixtures,
`api`: an `Api` in a namespace of its own, and `webhook`: one that is registered for that namespace.

Where possible a test asks for the position, acts, and only then watches from that position: history
does not depend on who was watching.
"""

from __future__ import annotations

from tests.integration.kubernetes import (
    AGGREGATED,
    APPLY,
    DEFINITIONS,
    FINALIZER,
    STRATEGIC,
    STREAMING,
    VERBS,
    Api,
    Object,
    configmap,
    deployment,
    ended,
    last_deleted,
    managers,
    named,
    names,
    told,
    version_of,
)
from tests.integration.webhooks import RegisteredWebhook, essence

SELECTORS = {
    "tier=front": ["a"],
    "tier!=front,tier": ["b"],
    "tier in (front,back)": ["a", "b"],
    "tier notin (front),tier": ["b"],
    "!tier": [],
}


class Discovery:
    """What is served."""

    async def test_aggregated_discovery(self, api: Api) -> None:
        """One document tells all types of the named groups, with verbs, names and subresources."""
        response = await api.client.get("/apis", headers={"accept": AGGREGATED})

        assert response.headers["content-type"] == AGGREGATED
        document = response.json()
        assert (document["kind"], document["apiVersion"]) == (
            "APIGroupDiscoveryList",
            "apidiscovery.k8s.io/v2",
        )
        [apps] = [group for group in document["items"] if group["metadata"]["name"] == "apps"]
        [version] = apps["versions"]
        assert (version["version"], version["freshness"]) == ("v1", "Current")
        [row] = [row for row in version["resources"] if row["resource"] == "deployments"]
        assert row["responseKind"] == {"group": "", "version": "", "kind": "Deployment"}
        assert (row["scope"], row["singularResource"]) == ("Namespaced", "deployment")
        assert (row["shortNames"], row["categories"]) == (["deploy"], ["all"])
        assert set(row["verbs"]) >= VERBS
        assert {sub["subresource"] for sub in row["subresources"]} == {"scale", "status"}

    async def test_aggregated_core_group(self, api: Api) -> None:
        """The core group has a document of its own, and no name in it."""
        document = (await api.client.get("/api", headers={"accept": AGGREGATED})).json()

        [core] = document["items"]
        assert "name" not in core["metadata"]
        rows = {row["resource"]: row for row in core["versions"][0]["resources"]}
        assert rows["namespaces"]["scope"] == "Cluster"
        assert "subresources" not in rows["configmaps"]

    async def test_version(self, api: Api) -> None:
        """The server tells its version."""
        assert (await api.get("/version"))["major"] == "1"

    async def test_unknown_paths(self, api: Api) -> None:
        """An unserved type and a missing object are both 404."""
        assert (await api.client.get("/apis/nowhere.example.com/v1/things")).status_code == 404
        assert (await api.get(f"{api.configmaps}/nobody", expect=404))["reason"] == "NotFound"

    async def test_access_review(self, api: Api) -> None:
        """A client can ask what it may do."""
        attributes = {"verb": "list", "resource": "configmaps", "namespace": api.namespace}
        review = await api.create(
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            },
        )

        assert review["status"]["allowed"] is True


class Lists:
    """LIST and the streaming list."""

    async def test_built_in_items_are_bare(self, api: Api) -> None:
        """The items of a built-in list have no kind and apiVersion; those of custom resources have."""
        plural, group = await api.define()
        path = f"/apis/{group}/v1/namespaces/{api.namespace}/{plural}"
        await api.create(path, {"apiVersion": f"{group}/v1", "kind": plural.capitalize()} | named("a"))
        await api.create(api.configmaps, configmap("a"))

        custom, built_in = await api.get(path), await api.get(api.configmaps)

        assert built_in["kind"] == "ConfigMapList"
        assert not any("kind" in item or "apiVersion" in item for item in built_in["items"])
        assert custom["items"][0]["kind"] == plural.capitalize()

    async def test_streaming_list(self, api: Api) -> None:
        """A watch can begin with every object; a bookmark says when that was all."""
        for name in "ab":
            await api.create(api.configmaps, configmap(name, labels={"stream": "1"}))

        events = await api.watch(
            api.configmaps,
            lambda events: events[-1]["type"] == "BOOKMARK",
            labelSelector="stream=1",
            **STREAMING,
        )

        assert [kind for kind, _ in told(events)] == ["ADDED", "ADDED", "BOOKMARK"]
        assert sorted(name for _, name in told(events)[:2]) == ["a", "b"]
        assert events[0]["object"]["kind"] == "ConfigMap"
        mark = events[-1]["object"]["metadata"]
        assert mark["annotations"] == {"k8s.io/initial-events-end": "true"}
        await api.delete(f"{api.configmaps}/a")
        assert told(
            await api.watch(
                api.configmaps,
                last_deleted("a"),
                labelSelector="stream=1",
                resourceVersion=mark["resourceVersion"],
            )
        ) == [("DELETED", "a")]

    async def test_streaming_list_of_nothing(self, api: Api) -> None:
        """The bookmark comes for an empty list, too."""
        events = await api.watch(api.deployments, len, **STREAMING)

        assert events[0]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}

    async def test_streaming_list_needs_a_match(self, api: Api) -> None:
        """Without `resourceVersionMatch` a streaming list is refused with 422."""
        await api.get(api.configmaps, expect=422, watch="true", sendInitialEvents="true")

    async def test_label_selector(self, api: Api) -> None:
        """A list can be limited by labels."""
        await api.create(api.configmaps, configmap("a", labels={"tier": "front"}))
        await api.create(api.configmaps, configmap("b", labels={"tier": "back"}))

        for selector, wanted in SELECTORS.items():
            found = await api.get(api.configmaps, labelSelector=selector)
            assert [name for name in names(found["items"]) if name in "ab"] == wanted, selector


class Watches:
    """WATCH."""

    async def test_events_in_order(self, api: Api) -> None:
        """A watch from a list's position tells everything after it, once, in order."""
        await api.create(api.configmaps, configmap("before"))
        position = await api.position(api.configmaps)

        await api.create(api.configmaps, configmap("a"))
        await api.patch(f"{api.configmaps}/a", {"data": {"value": "2"}})
        await api.delete(f"{api.configmaps}/a")
        events = await api.watch(api.configmaps, last_deleted("a"), resourceVersion=position)

        assert [event for event in told(events) if event[1] in ("a", "before")] == [
            ("ADDED", "a"),
            ("MODIFIED", "a"),
            ("DELETED", "a"),
        ]
        mine = [event["object"] for event in events if event["object"]["metadata"]["name"] == "a"]
        assert [obj["data"]["value"] for obj in mine] == ["1", "2", "2"]
        versions = [int(version_of(obj)) for obj in mine]
        assert versions == sorted(set(versions))

    async def test_position_too_old(self, api: Api) -> None:
        """A position before the kept history is answered 200 and one ERROR event, code 410."""
        plural, group = await api.define()

        events = await api.watch(f"/apis/{group}/v1/{plural}", ended, resourceVersion="1")

        [event] = events
        assert event["type"] == "ERROR"
        assert (event["object"]["kind"], event["object"]["code"]) == ("Status", 410)
        assert event["object"]["reason"] in ("Expired", "Gone")

    async def test_bookmarks(self, api: Api) -> None:
        """A watch whose objects rest is told its position, and ends cleanly at its timeout."""
        await api.create(api.configmaps, configmap("a", labels={"seen": "yes"}))

        events = await api.watch_while(
            api.configmaps,
            lambda: api.create(api.configmaps, configmap("other")),
            ended,
            known=1,
            labelSelector="seen=yes",
            allowWatchBookmarks="true",
            timeoutSeconds=4,
        )

        assert [kind for kind, _ in told(events)][:2] == ["ADDED", "BOOKMARK"]
        other = await api.get(f"{api.configmaps}/other")
        assert int(version_of(events[-1]["object"])) >= int(version_of(other))
        assert events[-1]["object"]["kind"] == "ConfigMap"

    async def test_label_selector(self, api: Api) -> None:
        """An object that enters a selection appears, and one that leaves it disappears."""
        position = await api.position(api.configmaps)

        await api.create(api.configmaps, configmap("a"))
        await api.patch(f"{api.configmaps}/a", {"metadata": {"labels": {"seen": "yes"}}})
        await api.patch(f"{api.configmaps}/a", {"data": {"value": "2"}})
        left = await api.patch(f"{api.configmaps}/a", {"metadata": {"labels": {"seen": "no"}}})
        events = await api.watch(
            api.configmaps, last_deleted("a"), resourceVersion=position, labelSelector="seen=yes"
        )

        assert [kind for kind, _ in told(events)] == ["ADDED", "MODIFIED", "DELETED"]
        assert events[-1]["object"]["metadata"]["labels"] == {"seen": "yes"}
        assert version_of(events[-1]["object"]) == version_of(left)

    async def test_all_namespaces(self, api: Api) -> None:
        """A watch without a namespace tells of every namespace."""
        position = await api.position("/api/v1/configmaps")

        await api.create(api.configmaps, configmap("everywhere"))
        await api.delete(f"{api.configmaps}/everywhere")
        events = await api.watch("/api/v1/configmaps", last_deleted("everywhere"), resourceVersion=position)

        assert events[-1]["object"]["metadata"]["namespace"] == api.namespace


class Deletions:
    """DELETE, and what follows from it."""

    async def test_plain_deletion(self, api: Api) -> None:
        """DELETED carries the last state and a resourceVersion of its own."""
        created = await api.create(api.configmaps, configmap("a"))
        position = version_of(created)

        await api.delete(f"{api.configmaps}/a")
        [event] = await api.watch(api.configmaps, last_deleted("a"), resourceVersion=position)

        assert event["object"]["data"] == {"value": "1"}
        assert int(version_of(event["object"])) > int(position)
        await api.get(f"{api.configmaps}/a", expect=404)

    async def test_finalizers(self, api: Api) -> None:
        """With finalizers, deletion is MODIFIED with a deletionTimestamp, and DELETED when they are gone."""
        await api.create(api.configmaps, configmap("a", finalizers=[FINALIZER]))
        position = await api.position(api.configmaps)

        marked = await api.delete(f"{api.configmaps}/a")
        assert "deletionTimestamp" in marked["metadata"]
        await api.delete(f"{api.configmaps}/a")
        assert version_of(await api.get(f"{api.configmaps}/a")) == version_of(marked)
        await api.patch(f"{api.configmaps}/a", {"metadata": {"finalizers": None}})
        events = await api.watch(api.configmaps, last_deleted("a"), resourceVersion=position)

        assert told(events) == [("MODIFIED", "a"), ("DELETED", "a")]
        assert "deletionTimestamp" in events[0]["object"]["metadata"]
        await api.get(f"{api.configmaps}/a", expect=404)

    async def test_namespace(self, api: Api) -> None:
        """Deleting a namespace deletes its content, and then the namespace."""
        await api.create(api.configmaps, configmap("a"))
        place = f"/api/v1/namespaces/{api.namespace}"
        position, spaces = await api.position(api.configmaps), await api.position("/api/v1/namespaces")

        await api.delete(place)
        content = await api.watch("/api/v1/configmaps", last_deleted("a"), resourceVersion=position)
        chosen = {"fieldSelector": f"metadata.name={api.namespace}"}
        events = await api.watch(
            "/api/v1/namespaces", last_deleted(api.namespace), resourceVersion=spaces, **chosen
        )

        assert content[-1]["object"]["metadata"]["namespace"] == api.namespace
        assert "deletionTimestamp" in events[0]["object"]["metadata"]
        assert events[0]["object"]["status"]["phase"] == "Terminating"
        assert (await api.create(api.configmaps, configmap("b"), expect=404))["reason"] == "NotFound"


class Writes:
    """POST, PUT and PATCH."""

    async def test_metadata_of_a_new_object(self, api: Api) -> None:
        """The server gives uid, creationTimestamp and resourceVersion."""
        created = await api.create(api.configmaps, configmap("a"))

        assert {"uid", "creationTimestamp", "resourceVersion"} <= created["metadata"].keys()

    async def test_generated_name(self, api: Api) -> None:
        """`generateName` becomes a name."""
        created = await api.create(api.configmaps, {"metadata": {"generateName": "some-"}})

        assert created["metadata"]["name"].startswith("some-")
        assert len(created["metadata"]["name"]) == len("some-") + 5

    async def test_name_is_required(self, api: Api) -> None:
        """An object without a name is refused with 422."""
        await api.create(api.configmaps, {"metadata": {}}, expect=422)

    async def test_conflicts(self, api: Api) -> None:
        """A name that is taken, and a version that was overtaken, are refused with 409."""
        first = await api.create(api.configmaps, configmap("a"))
        await api.patch(f"{api.configmaps}/a", {"data": {"value": "2"}})

        again = await api.create(api.configmaps, configmap("a"), expect=409)
        late = await api.put(f"{api.configmaps}/a", first, expect=409)

        assert (again["reason"], late["reason"]) == ("AlreadyExists", "Conflict")
        assert (await api.get(f"{api.configmaps}/a"))["data"] == {"value": "2"}

    async def test_writes_without_change(self, api: Api) -> None:
        """A write that changes nothing keeps the resourceVersion and makes no event."""
        created = await api.create(api.configmaps, configmap("a"))
        path, me = f"{api.configmaps}/a", {"fieldManager": "me"}
        applied = await api.patch(path, configmap("a"), APPLY, **me)

        same = [
            await api.put(path, applied),
            await api.patch(path, {"data": {"value": "1"}}),
            await api.patch(path, configmap("a"), APPLY, **me),
        ]
        await api.delete(path)
        events = await api.watch(api.configmaps, last_deleted("a"), resourceVersion=version_of(created))

        assert {version_of(obj) for obj in same} == {version_of(applied)}
        assert told(events) == [("MODIFIED", "a"), ("DELETED", "a")]

    async def test_managers(self, api: Api) -> None:
        """managedFields names each writer, how and when it wrote, and what is its own."""
        path = f"{api.deployments}/a"
        agent = {"headers": {"user-agent": "some-tool/v1 (linux)"}}
        await api.ask("POST", api.deployments, deployment("a"), **agent)
        await api.patch(path, {"spec": {"replicas": 1}}, fieldManager="scaler")
        obj = await api.patch(
            path,
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "a", "labels": {"by": "apply"}},
            },
            APPLY,
            fieldManager="applier",
        )

        entries = managers(obj)
        assert {"some-tool", "scaler", "applier"} <= entries.keys()
        assert entries["scaler"]["operation"] == "Update"
        assert entries["scaler"]["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
        assert entries["scaler"]["apiVersion"] == "apps/v1"
        assert "f:replicas" not in entries["some-tool"]["fieldsV1"]["f:spec"]
        assert entries["applier"]["operation"] == "Apply"
        assert entries["applier"]["fieldsV1"] == {"f:metadata": {"f:labels": {"f:by": {}}}}
        assert all(entry["fieldsType"] == "FieldsV1" and entry["time"] for entry in entries.values())

    async def test_manager_of_a_status(self, api: Api) -> None:
        """Who wrote the status is told apart from who wrote the rest."""
        backend = {"service": {"name": "web", "port": {"number": 80}}}
        path = f"/apis/networking.k8s.io/v1/namespaces/{api.namespace}/ingresses"
        await api.create(path, named("a", spec={"defaultBackend": backend}), fieldManager="both")

        patch = {"status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.9"}]}}}
        obj = await api.patch(f"{path}/a/status", patch, fieldManager="both")

        entries = {entry.get("subresource", ""): entry for entry in obj["metadata"]["managedFields"]}
        assert entries["status"]["fieldsV1"].keys() == {"f:status"}
        assert entries[""]["fieldsV1"].keys() == {"f:spec"}

    async def test_status(self, api: Api) -> None:
        """The status is written only at `/status`, and nothing else is written there."""
        path = f"{api.deployments}/a"
        await api.create(api.deployments, deployment("a"))

        labelled = await api.patch(path, {"metadata": {"labels": {"x": "y"}}, "status": {"replicas": 7}})
        reported = await api.patch(f"{path}/status", {"status": {"replicas": 1}, "spec": {"replicas": 9}})

        assert labelled.get("status", {}).get("replicas", 0) != 7
        assert (reported["spec"]["replicas"], reported["status"]["replicas"]) == (0, 1)

    async def test_scale(self, api: Api) -> None:
        """`/scale` shows and sets the replicas."""
        path = f"{api.deployments}/a"
        created = await api.create(api.deployments, deployment("a"))

        scale = await api.get(f"{path}/scale")
        await api.patch(f"{path}/scale", {"spec": {"replicas": 2}}, fieldManager="scaler")

        assert (scale["kind"], scale["metadata"]["uid"]) == ("Scale", created["metadata"]["uid"])
        obj = await api.get(path)
        assert obj["spec"]["replicas"] == 2
        assert managers(obj)["scaler"]["subresource"] == "scale"

    async def test_strategic_merge(self, api: Api) -> None:
        """A strategic merge patch changes the container that it names and leaves the others."""
        await api.create(api.deployments, deployment("a"))

        containers = [{"name": "web", "image": "web:2"}]
        patch = {"spec": {"template": {"spec": {"containers": containers}}}}
        obj = await api.patch(f"{api.deployments}/a", patch, STRATEGIC)

        found = obj["spec"]["template"]["spec"]["containers"]
        assert {each["name"]: each["image"] for each in found} == {"web": "web:2", "log": "log:1"}

    async def test_apply_creates_and_withdraws(self, api: Api) -> None:
        """Server-side apply creates; what its manager applies no more goes, what others set stays."""
        path, me = f"{api.configmaps}/a", {"fieldManager": "me"}
        body = {"apiVersion": "v1", "kind": "ConfigMap", **named("a")}

        await api.patch(path, {**body, "data": {"mine": "1", "old": "1"}}, APPLY, expect=201, **me)
        await api.patch(path, {"data": {"theirs": "1"}})
        obj = await api.patch(path, {**body, "data": {"mine": "2"}}, APPLY, expect=200, **me)

        assert obj["data"] == {"mine": "2", "theirs": "1"}

    async def test_unknown_patch(self, api: Api) -> None:
        """A patch of an unknown kind is refused with 415."""
        await api.create(api.configmaps, configmap("a"))

        await api.patch(f"{api.configmaps}/a", {}, "text/plain", expect=415)

    async def test_missing_namespace(self, api: Api) -> None:
        """Nothing can be created in a namespace that does not exist."""
        missing = f"/api/v1/namespaces/{api.namespace}-not/configmaps"

        assert (await api.create(missing, configmap("a"), expect=404))["reason"] == "NotFound"


class CustomResources:
    """Types that come and go."""

    async def test_life_of_a_type(self, api: Api) -> None:
        """A definition's type is served, and on its deletion every object is told DELETED."""
        plural, group = await api.define()
        path = f"/apis/{group}/v1/namespaces/{api.namespace}/{plural}"
        kind = {"apiVersion": f"{group}/v1", "kind": plural.capitalize()}
        place = f"{DEFINITIONS}/{plural}.{group}"

        rows = await self._rows(api, group)
        assert rows[0]["responseKind"] == {"group": group, "version": "v1", "kind": plural.capitalize()}
        for name in "ab":
            await api.create(path, {**kind, **named(name, spec={"x": name})})
        defined = await api.position(DEFINITIONS)

        events = await api.watch_while(
            path, lambda: api.delete(place), lambda events: len(events) == 4, known=2
        )
        assert sorted(told(events)) == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a"), ("DELETED", "b")]

        name = f"{plural}.{group}"
        chosen = {"fieldSelector": f"metadata.name={name}"}
        events = await api.watch(DEFINITIONS, last_deleted(name), resourceVersion=defined, **chosen)

        assert "deletionTimestamp" in events[0]["object"]["metadata"]

        async def withdrawn() -> bool:
            response = await api.client.get(path)
            return response.status_code == 404 and not await self._rows(api, group)

        await api.settled(withdrawn)

    async def _versions(self, api: Api, group: str) -> list[Object]:
        document = (await api.client.get("/apis", headers={"accept": AGGREGATED})).json()
        found = [each["versions"] for each in document["items"] if each["metadata"]["name"] == group]
        return found[0] if found else []

    async def _rows(self, api: Api, group: str) -> list[Object]:
        return [row for version in await self._versions(api, group) for row in version["resources"]]


class Admission:
    """What webhooks are asked before a write is stored."""

    async def test_a_creation(self, api: Api, webhook: RegisteredWebhook) -> None:
        """The new object has the uid that it is stored with, and no version yet."""
        created = await api.create(api.configmaps, configmap("a"), fieldManager="me")

        [request] = webhook.about("a")
        assert essence(request) == {
            "operation": "CREATE",
            "kind": {"group": "", "version": "v1", "kind": "ConfigMap"},
            "resource": {"group": "", "version": "v1", "resource": "configmaps"},
            "requestKind": request["kind"],
            "requestResource": request["resource"],
            "name": "a",
            "namespace": api.namespace,
            "oldObject": None,
            "dryRun": False,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "me"},
        }
        metadata = {key: value for key, value in created["metadata"].items() if key != "resourceVersion"}
        assert request["object"] == {**created, "metadata": metadata}

    async def test_a_generated_name(self, api: Api, webhook: RegisteredWebhook) -> None:
        """A name that the server makes up is told."""
        created = await api.create(api.configmaps, {"metadata": {"generateName": "some-"}})

        name = created["metadata"]["name"]
        assert [request["name"] for request in webhook.about(name)] == [name]

    async def test_who_asks(self, api: Api, webhook: RegisteredWebhook) -> None:
        """The request names its user and their groups."""
        await api.create(api.configmaps, configmap("a"))

        [request] = webhook.about("a")
        assert request["userInfo"]["username"] == "admin"
        assert request["userInfo"]["groups"] == ["system:masters", "system:authenticated"]

    async def test_updates(self, api: Api, webhook: RegisteredWebhook) -> None:
        """PATCH, PUT and apply are told as updates: both objects carry the version that is stored."""
        path, me = f"{api.configmaps}/a", {"fieldManager": "me"}
        created = await api.create(api.configmaps, configmap("a"))
        patched = await api.patch(path, {"data": {"value": "2"}}, **me)
        put = await api.put(path, {**patched, "data": {"value": "3"}})
        await api.patch(path, configmap("a", "3"), APPLY, **me)

        first, *updates = webhook.about("a")
        assert first["operation"] == "CREATE"
        assert [request["operation"] for request in updates] == ["UPDATE"] * 3
        assert [request["oldObject"] for request in updates] == [created, patched, put]
        assert [version_of(request["object"]) for request in updates] == [
            version_of(each) for each in (created, patched, put)
        ]
        assert [request["object"]["data"]["value"] for request in updates] == ["2", "3", "3"]
        assert [request["options"].get("fieldManager") for request in updates] == ["me", None, "me"]
        assert {request["options"]["kind"] for request in updates} == {"UpdateOptions"}

    async def test_an_apply_that_creates(self, api: Api, webhook: RegisteredWebhook) -> None:
        """Server-side apply of a new object is shown to webhooks as a creation."""
        await api.patch(f"{api.configmaps}/a", configmap("a"), APPLY, fieldManager="me")

        [request] = webhook.about("a")
        assert (request["operation"], request["options"]["kind"]) == ("CREATE", "CreateOptions")

    async def test_a_write_without_change(self, api: Api, webhook: RegisteredWebhook) -> None:
        """It is told, too, with both objects equal."""
        await api.create(api.configmaps, configmap("a"))
        await api.patch(f"{api.configmaps}/a", {"data": {"value": "1"}})

        request = webhook.about("a")[-1]
        assert request["operation"] == "UPDATE"
        assert request["object"] == request["oldObject"]

    async def test_scale(self, api: Api, webhook: RegisteredWebhook) -> None:
        """Scaling shows the Scale before and after, under the subresource."""
        created = await api.create(api.deployments, deployment("web", 1))
        await api.patch(f"{api.deployments}/web/scale", {"spec": {"replicas": 2}})

        request = webhook.about("web")[-1]
        assert (request["operation"], request["subResource"], request["requestSubResource"]) == (
            *("UPDATE", "scale"),
            "scale",
        )
        assert request["kind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}
        assert request["resource"] == {"group": "apps", "version": "v1", "resource": "deployments"}
        assert [request[key]["spec"] for key in ("oldObject", "object")] == [{"replicas": 1}, {"replicas": 2}]
        assert {request[key]["metadata"]["uid"] for key in ("oldObject", "object")} == {
            created["metadata"]["uid"]
        }

    async def test_deletions(self, api: Api, webhook: RegisteredWebhook) -> None:
        """A deletion shows what is stored; so does one that is repeated while a finalizer is waited for."""
        created = await api.create(api.configmaps, configmap("a", finalizers=[FINALIZER]))
        marked = await api.delete(f"{api.configmaps}/a")
        await api.delete(f"{api.configmaps}/a")

        _, first, again = webhook.about("a")
        assert essence(first) == {
            "operation": "DELETE",
            "kind": {"group": "", "version": "v1", "kind": "ConfigMap"},
            "resource": {"group": "", "version": "v1", "resource": "configmaps"},
            "requestKind": first["kind"],
            "requestResource": first["resource"],
            "name": "a",
            "namespace": api.namespace,
            "oldObject": created,
            "dryRun": False,
            "options": {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"},
        }
        assert (first["object"], again["object"]) == (None, None)
        assert version_of(again["oldObject"]) == version_of(marked)
        await api.patch(f"{api.configmaps}/a", {"metadata": {"finalizers": None}})

    async def test_the_deletion_of_a_namespace(self, api: Api, webhook: RegisteredWebhook) -> None:
        """The request carries the name as its namespace; the namespace controller deletes what is inside."""
        await api.create(api.configmaps, configmap("inside"))
        await api.delete(f"/api/v1/namespaces/{api.namespace}")

        async def emptied() -> bool:
            return len(webhook.about("inside")) == 2

        await api.settled(emptied)
        [request] = webhook.about(api.namespace)
        assert (request["operation"], request["namespace"]) == ("DELETE", api.namespace)
        controller = webhook.about("inside")[-1]
        assert controller["operation"] == "DELETE"
        assert controller["userInfo"]["username"] == "system:serviceaccount:kube-system:namespace-controller"
        assert set(controller["userInfo"]["groups"]) == {
            "system:serviceaccounts",
            "system:serviceaccounts:kube-system",
            "system:authenticated",
        }

    async def test_a_webhook_that_is_away(self, api: Api, webhook: RegisteredWebhook) -> None:
        """With `failurePolicy: Ignore` a write goes on when nobody answers."""
        async with webhook.away():
            await api.create(api.configmaps, configmap("a"))

        assert webhook.about("a") == []
        assert (await api.get(f"{api.configmaps}/a"))["data"] == {"value": "1"}

"""A hostile writer in one namespace, and honest people who write and repeat there beside him.

A program of random steps, and for each change of content who made it: after every request we look at what is
stored. Mallory may do anything in his namespace, impersonate `puppet`, and send whatever an API server takes:
bodies that are deep, odd or YAML, ids, user agents, field managers and managed fields of others.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from tests.e2e.who.objects import gadget
from tests.e2e.who.people import PATCHES, Hands, client

APPLY = "application/apply-patch+yaml"
MAPS = "/api/v1/namespaces/{ns}/configmaps"
THINGS = "/apis/who.example.com/v1/namespaces/{ns}/gadgets"
HONEST = ("alice", "bob")
PUPPET = "puppet"
GUARDED = "guarded"
"""Beginning of the names that a policy keeps mallory from deleting."""
FILES = {MAPS: "configmaps", THINGS: "gadgets.who.example.com"}
THEIRS = ("kubectl-patch", "flux", "curl")
"""Field managers of those who repeat."""
DEEP = '{"a":' * 1500 + "1" + "}" * 1500

Content = dict[str, Any]


class Program:
    """Random steps, and what they did."""

    def __init__(self, hands: Hands, seed: str, *, lies: bool) -> None:
        """`lies`: whether he also takes the field managers of those who repeat for his own."""
        self.hands = hands
        self.chance = random.Random(seed)
        self.truth: dict[str, list[str]] = defaultdict(list)
        """Path -> who made each change, oldest first."""
        self.steps = self.requests = self.repeated = 0
        self._lies = lies
        self._number = 0
        self._known: dict[str, Content] = {}
        self._people = {user: client(hands.plane, user) for user in (*HONEST, "mallory", "admin")}
        self._pool = ThreadPoolExecutor(2)

    def close(self) -> None:
        for person in self._people.values():
            person.close()
        self._pool.shutdown()

    def step(self) -> None:
        """One thing that somebody does, and perhaps somebody honest who repeats it at once."""
        self.steps += 1
        names = self._names()
        if len(names) < 4:
            self._create(self.chance.choice((*HONEST, "mallory")))
            return
        name, chance = self.chance.choice(names), self.chance.random()
        if chance < 0.6:
            getattr(self, self.chance.choice(_HIS))(name)
        elif chance < 0.8:
            self._honest(self.chance.choice(HONEST), name)
        elif chance < 0.9:
            self._together(name)
        else:
            self._create(self.chance.choice((*HONEST, "mallory")))

    def _names(self) -> list[str]:
        return [path.rpartition("/")[2] for path in self._known if path.startswith("configmaps/")]

    # What mallory does.

    def _patched(self, name: str) -> None:
        body = json.dumps({"data": {"mallory": "@"}, **self._forged()})
        odd = self.chance.choice(("", f',"zzz":{DEEP}', ',"zzz":"\\ud800"', ',"zzz":"\\udc00x"'))
        self._his("PATCH", name, body[:-1] + odd + "}", PATCHES["merge"])

    def _operated(self, name: str) -> None:
        operations = [{"op": "add", "path": "/data/mallory", "value": "@"}]
        forged = self._forged().get("metadata")
        if forged:
            operations.append(
                {"op": "add", "path": "/metadata/managedFields", "value": forged["managedFields"]}
            )
        self._his("PATCH", name, json.dumps(operations), PATCHES["json"])

    def _replaced(self, name: str) -> None:
        found = self._send("mallory", "GET", f"{MAPS}/{name}").json()
        if self.chance.random() < 0.5:
            found["metadata"].pop("resourceVersion", None)
        body = {**found, "data": {**found.get("data", {}), "mallory": "@"}}
        self._his("PUT", name, json.dumps(body), "application/json")

    def _applied(self, name: str) -> None:
        keys = self.chance.choice(('{mallory: "@"}', '{mallory: "@", other: x}', "{}"))
        body = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {keys}\n"
        manager = self.chance.choice(("helper", "mallory"))
        self._his("PATCH", name, body, APPLY, f"fieldManager={manager}&force=true")

    def _applied_json(self, name: str) -> None:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"mallory": "@"}}
        self._his("PATCH", name, json.dumps(body), APPLY, "fieldManager=helper&force=true")

    def _deleted(self, name: str) -> None:
        self._his("DELETE", name, "", "application/json")
        self._send("admin", "PATCH", f"{MAPS}/{name}", '{"metadata":{"finalizers":null}}', PATCHES["merge"])
        self._look("admin")

    def _collected(self, name: str) -> None:
        """A collection of which one object is guarded: it fails after it has deleted others."""
        del name
        self._number += 1
        chosen = f"set{self._number}"
        for stem in ("a", "b", GUARDED, "z"):
            self._made("alice", f"{stem}-{chosen}", {"set": chosen})
        headers = self._headers()
        self._send("mallory", "DELETE", f"{MAPS}?labelSelector=set%3D{chosen}", headers=headers)
        self._look(headers.get("Impersonate-User", "mallory"))
        for stem in ("a", "z"):
            self._send("bob", "DELETE", f"{MAPS}/{stem}-{chosen}")
            self._look("bob")

    def _scaled(self, name: str) -> None:
        del name
        self._number += 1
        if "gadgets.who.example.com/g" not in self._known:
            self._send("alice", "POST", THINGS, json.dumps(gadget("g")))
            self._look("alice")
        body = json.dumps({"spec": {"replicas": self._number}})
        headers = {**self._headers(), "Content-Type": PATCHES["merge"]}
        self._send("mallory", "PATCH", f"{THINGS}/g/scale?{self._query()}", body, headers=headers)
        self._look(headers.get("Impersonate-User", "mallory"))
        again = ("bob", "PATCH", f"{THINGS}/g/scale?fieldManager=kubectl-patch", body, PATCHES["merge"])
        if self.chance.random() < 0.7:
            self.repeated += 1
            self._send(*again)
            self._look("bob")

    def _his(self, method: str, name: str, body: str, kind: str, query: str = "") -> None:
        """One request of mallory's, and who repeats it."""
        headers = {**self._headers(), "Content-Type": kind}
        actor = headers.get("Impersonate-User", "mallory")
        mark = self._mark(actor)
        path = f"{MAPS}/{name}?{query or self._query()}"
        self._send("mallory", method, path, body.replace("@", mark), headers=headers)
        self._look(actor)
        if self.chance.random() < 0.75:
            self._repeat(name, mark, deleted=method == "DELETE")

    def _repeat(self, name: str, mark: str, *, deleted: bool) -> None:
        self.repeated += 1
        user, manager = self.chance.choice(HONEST), self.chance.choice((*THEIRS, ""))
        path = f"{MAPS}/{name}" + (f"?fieldManager={manager}" if manager else "")
        agent = {"User-Agent": "kubectl/v1.34.1 (linux/amd64)"}
        if deleted:
            self._send(user, "DELETE", f"{MAPS}/{name}", headers=agent)
        else:
            same = {"data": self.chance.choice(({}, {"mallory": mark}))}
            self._send(user, "PATCH", path, json.dumps(same), PATCHES["merge"], headers=agent)
        self._look(user)

    def _headers(self) -> dict[str, str]:
        headers = {}
        if self.chance.random() < 0.6:
            headers["Audit-ID"] = self.chance.choice(("1", "1", "2"))
        if self.chance.random() < 0.3:
            agents = ("helper/1", "", *(("kubectl/v1", "flux/2") if self._lies else ()))
            headers["User-Agent"] = self.chance.choice(agents)
        if self.chance.random() < 0.15:
            headers["Impersonate-User"] = PUPPET
        return headers

    def _query(self) -> str:
        odd = ("", "fieldManager=mallory", "fieldManager=&fieldManager=flux", "fieldManager=fl;ux")
        odd = (
            *odd,
            "fieldManager=%zz&pretty=1",
            "a=1&" * 120 + "fieldManager=mallory",
            "x=1#&fieldManager=m",
        )
        own = tuple(f"fieldManager={manager}" for manager in THEIRS) if self._lies else ()
        return self.chance.choice((*odd, *own))

    def _forged(self) -> Content:
        """Managed fields of those who repeat, of some second."""
        if self.chance.random() < 0.6:
            return {}
        stamps = ("2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z", self._now())
        entry = {
            "manager": self.chance.choice(THEIRS),
            "operation": self.chance.choice(("Apply", "Update")),
            "apiVersion": "v1",
            "time": self.chance.choice(stamps),
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:mallory": {}}},
        }
        return {"metadata": {"managedFields": self.chance.choice(([entry], [{}]))}}

    # What honest people do.

    def _create(self, user: str) -> None:
        self._number += 1
        self._made(user, f"m{self._number}", {}, held=self.chance.random() < 0.3)

    def _made(self, user: str, name: str, labels: dict[str, str], *, held: bool = False) -> None:
        named: Content = {"name": name} if self.chance.random() < 0.8 or labels else {"generateName": "g-"}
        metadata = {**named, "labels": labels} | ({"finalizers": ["example.com/hold"]} if held else {})
        mark = self._mark(user)
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {user: mark}}
        self._send(user, "POST", MAPS, json.dumps(body))
        self._look(user)

    def _honest(self, user: str, name: str) -> None:
        body, manager = {"data": {user: self._mark(user)}}, self.chance.choice(THEIRS)
        self._send(user, "PATCH", f"{MAPS}/{name}?fieldManager={manager}", json.dumps(body), PATCHES["merge"])
        self._look(user)

    def _together(self, name: str) -> None:
        """Two write different things in the same moment: the versions tell who came first."""
        calls = {
            user: self._pool.submit(self._writes_own, user, name, "curl" if self._lies else user)
            for user in ("mallory", "bob")
        }
        made = {user: call.result() for user, call in calls.items()}
        wrote = [user for user, answer in made.items() if answer.is_success]
        wrote.sort(key=lambda user: int(made[user].json()["metadata"]["resourceVersion"]))
        for user in wrote:
            self._known[f"configmaps/{name}"] = _content(made[user].json())
            self.truth[f"configmaps/{name}"].append(user)
        self._look("nobody")

    def _writes_own(self, user: str, name: str, manager: str) -> httpx.Response:
        body = json.dumps({"data": {user: self._mark(user)}})
        return self._send(user, "PATCH", f"{MAPS}/{name}?fieldManager={manager}", body, PATCHES["merge"])

    # What came of it.

    def _mark(self, user: str) -> str:
        self._number += 1
        return f"{user}-{self._number}"

    def _now(self) -> str:
        date = self._send("mallory", "GET", MAPS).headers["date"]
        return _kubernetes_date(date)

    def _send(
        self, user: str, method: str, path: str, body: str = "", kind: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:  # fmt: skip
        self.requests += 1
        given = {"Content-Type": kind, **(headers or {})}
        url = path.format(ns=self.hands.namespace)
        return self._people[user].request(method, url, content=body or None, headers=given)

    def _look(self, actor: str) -> None:
        """What has changed since the last look is this actor's."""
        found = {
            f"{folder}/{each['metadata']['name']}": _content(each)
            for path, folder in FILES.items()
            for each in self._people["admin"].get(path.format(ns=self.hands.namespace)).json()["items"]
            if "deletionTimestamp" not in each["metadata"] and each["metadata"]["name"] != "kube-root-ca.crt"
        }
        for path in {*found, *self._known}:
            if found.get(path) != self._known.get(path):
                self.truth[path].append(actor)
        self._known = found


_HIS = (
    "_patched", "_patched", "_operated", "_replaced", "_applied", "_applied", "_applied_json", "_deleted",
    "_collected", "_scaled",
)  # fmt: skip


def _content(obj: Content) -> Content:
    labels = obj["metadata"].get("labels")
    return {"data": obj.get("data"), "spec": obj.get("spec"), "labels": labels}


def _kubernetes_date(text: str) -> str:
    """An HTTP date as Kubernetes writes it."""
    return parsedate_to_datetime(text).strftime("%Y-%m-%dT%H:%M:%SZ")

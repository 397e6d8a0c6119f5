"""Many people who write the same few objects in the same moment, while a controller writes their status."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import httpx

from tests.e2e.remote import git
from tests.e2e.who.objects import gadget
from tests.e2e.who.people import PATCHES, Hands, client
from tests.e2e.who.stage import Stage

WRITERS = 32
OBJECTS = ("one", "two", "three", "four")
ROUNDS = 2
SECONDS = float(os.environ.get("REVERSER_CROWD_SECONDS", "0"))
"""How long they write at least; two rounds, when that takes longer."""
PATH = "/apis/who.example.com/v1/namespaces/{ns}/gadgets/{name}"


def crowd(hands: Hands) -> int:
    """Everybody writes an own name into every object, in rounds; how many writes each object had."""
    for name in OBJECTS:
        hands.make("alice", gadget(name))
    done = Event()
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        status = pool.submit(_statuses, hands, done)
        writers = [pool.submit(_writes, hands, f"writer-{number}") for number in range(WRITERS)]
        rounds = sum(writer.result() for writer in writers)
        done.set()
        status.result()
    return rounds


def signed(stage: Stage, hands: Hands, name: str) -> list[tuple[str, str]]:
    """(who stands in the content, author) of each change of one object, oldest first."""
    path, remote = f"{hands.namespace}/gadgets.who.example.com/{name}.yaml", stage.setting.remote
    commits = git("-C", remote.path, "log", "--reverse", "--format=%H %an", "main", "--", path).splitlines()
    return [(_by(remote.show(path, commit)), author) for commit, author in map(str.split, commits)]


def _by(text: str) -> str:
    found = [line.split()[1] for line in text.splitlines() if line.startswith("  by: ")]
    return found[0] if found else "alice"


def _writes(hands: Hands, user: str) -> int:
    """How many rounds."""
    number, until = 0, time.monotonic() + SECONDS
    with client(hands.plane, "admin") as http:
        while number < ROUNDS or time.monotonic() < until:
            for name in OBJECTS:
                path, change = PATH.format(ns=hands.namespace, name=name), {"by": user, "size": number}
                if number % 2:
                    _patched(http, path, user, change)
                else:
                    _replaced(http, path, user, change)
            number += 1
    return number


def _patched(http: httpx.Client, path: str, user: str, change: dict[str, Any]) -> None:
    """The server itself tries again when somebody came first, five times."""
    content = json.dumps({"spec": change})
    answer = http.patch(path, content=content, headers=_headers(user))
    while answer.status_code == 409:
        answer = http.patch(path, content=content, headers=_headers(user))
    answer.raise_for_status()


def _replaced(http: httpx.Client, path: str, user: str, change: dict[str, Any]) -> None:
    """Read, change and write back, again and again until nobody came first."""
    while True:
        found = http.get(path).raise_for_status().json()
        answer = http.put(path, json={**found, "spec": {**found["spec"], **change}}, headers=_person(user))
        if answer.status_code != 409:
            answer.raise_for_status()
            return


def _statuses(hands: Hands, done: Event) -> None:
    number = 0
    with client(hands.plane, "admin") as http:
        while not done.is_set():
            number += 1
            for name in OBJECTS:
                change = json.dumps({"status": {"seen": number}})
                path = PATH.format(ns=hands.namespace, name=name) + "/status"
                http.patch(path, content=change, headers=_headers("controller")).raise_for_status()


def _person(user: str) -> dict[str, str]:
    return {"Impersonate-User": user, "Impersonate-Group": "system:masters"}


def _headers(user: str) -> dict[str, str]:
    return {"Content-Type": PATCHES["merge"], **_person(user)}

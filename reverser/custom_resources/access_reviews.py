"""Asks the API server what service accounts may read: the answers behind `[tenancy] service_account`.

A question is a type in a namespace, or everywhere; its answer is whether the account may list and watch it.
An answer counts for five minutes; a denial at first for half a minute, since a right may be given soon, then
for longer. Without any answer yet the rule waits, and comes before those that are only asked again. An answer
that cannot be had again stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

import structlog
import trio

from reverser.custom_resources.model import AccessQuestion
from reverser.errors import ReverserError
from reverser.kube.client import Client, map_concurrently
from reverser.kube.errors import Forbidden

log = structlog.get_logger()

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
VERBS = ("list", "watch")
AGAIN_SECONDS = 300.0
DENIED_SECONDS = 30.0
"""After the first denial; twice as long after each further one, up to `AGAIN_SECONDS`."""
AT_ONCE = 40
"""Questions whose answers are handed on together."""
FAILED_SECONDS = 10.0


class AccessReviews:
    """The answers that are known now."""

    def __init__(self, on_change: Callable[[], None], on_error: Callable[[str], None]) -> None:
        """`on_error` gets a sentence on why nothing can be asked, or "" once it can."""
        self._on_change = on_change
        self._on_error = on_error
        self._denials: Counter[AccessQuestion] = Counter()
        self._wanted: frozenset[AccessQuestion] = frozenset()
        self._due: dict[AccessQuestion, float] = {}
        self._woken = trio.Event()
        self.answers: dict[AccessQuestion, bool] = {}
        """Whether the account may list and watch."""
        self.error = ""
        """Why nothing can be asked; empty where it can."""

    def ask(self, questions: Collection[AccessQuestion]) -> None:
        """From now on these must be answered, and no others."""
        wanted = frozenset(questions)
        for question in self._wanted - wanted:
            self._due.pop(question, None)
            self._denials.pop(question, None)
            self.answers.pop(question, None)
        if wanted - self._wanted:
            self._woken.set()
        self._wanted = wanted

    def refresh(self, namespace: str) -> None:
        """Ask again now about the accounts of a namespace."""
        for question in self._wanted:
            if question.namespace == namespace:
                self._due.pop(question, None)
                self._denials.pop(question, None)
        self._woken.set()

    async def run(self, client: Client) -> None:
        """Answer what must be known until cancelled."""
        while True:
            now = trio.current_time()
            due = [question for question in self._wanted if self._due.get(question, now) <= now]
            if due:
                due.sort(key=lambda question: question in self.answers)
                await self._answer(client, due[:AT_ONCE])
                continue
            self._woken = trio.Event()
            next_at = min((self._due[each] for each in self._wanted), default=now + AGAIN_SECONDS)
            with trio.move_on_after(max(0.0, next_at - now)):
                await self._woken.wait()

    async def _answer(self, client: Client, questions: Collection[AccessQuestion]) -> None:
        results = await map_concurrently([*questions], lambda question: review(client, question))
        changed, now = False, trio.current_time()
        for question, allowed in zip(questions, results, strict=True):
            if question not in self._wanted:
                continue
            if isinstance(allowed, str):
                changed = changed or self.error != allowed
                self.error = allowed
                self._due[question] = now + FAILED_SECONDS
                continue
            self._due[question] = now + self._pause(question, allowed=allowed)
            changed = changed or self.answers.get(question) != allowed or self.error != ""
            self.answers[question], self.error = allowed, ""
        self._on_error(self.error)
        if changed:
            if self.error:
                log.warning("access of service accounts cannot be asked", error=self.error)
            self._on_change()

    def _pause(self, question: AccessQuestion, *, allowed: bool) -> float:
        """How long an answer counts, in seconds."""
        if allowed:
            self._denials.pop(question, None)
            return AGAIN_SECONDS
        self._denials[question] += 1
        return min(AGAIN_SECONDS, DENIED_SECONDS * 2.0 ** min(self._denials[question] - 1, 10))


async def review(client: Client, question: AccessQuestion) -> bool | str:
    """The answer, or why there is none."""
    try:
        for verb in VERBS:
            answer = await client.post(REVIEWS, _document(question, verb))
            status = answer.get("status") if isinstance(answer, dict) else None
            if not isinstance(status, dict) or status.get("allowed") is not True:
                return False
    except Forbidden as error:
        return (
            f"{error.message} (allow it: kubectl create clusterrole reverser-access-reviews"
            " --verb=create --resource=subjectaccessreviews.authorization.k8s.io)"
        )
    except ReverserError as error:
        return error.message
    return True


def _document(question: AccessQuestion, verb: str) -> dict[str, object]:
    attributes = {
        "group": question.group,
        "resource": question.resource,
        "namespace": question.in_namespace,
        "verb": verb,
    }
    groups = [
        "system:serviceaccounts",
        f"system:serviceaccounts:{question.namespace}",
        "system:authenticated",
    ]
    user = f"system:serviceaccount:{question.namespace}:{question.account}"
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "groups": groups, "resourceAttributes": attributes},
    }

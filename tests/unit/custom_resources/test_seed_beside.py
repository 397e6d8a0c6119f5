"""GitOps Reverser in the same cluster is named, and whoever may not look says so."""

from __future__ import annotations

from typing import Any

from reverser.custom_resources.seed_beside import DEPLOYMENTS, Beside, seed_beside
from reverser.errors import TransientError
from reverser.kube.errors import Forbidden

RUNS = {
    "metadata": {"namespace": "gitops-reverser", "name": "manager"},
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {"image": "ghcr.io/configbutler/gitops-reverser:v0.7.0", "command": ["/manager"]}
                ]
            }
        }
    },
}


class Answers:
    """An API server with these Deployments, and with webhooks that nobody may list."""

    def __init__(self, deployments: list[Any] | Exception) -> None:
        self._deployments = deployments

    async def get(self, path: str, *_: object, **__: object) -> dict[str, Any]:
        if path != DEPLOYMENTS:
            raise Forbidden(403, "Forbidden", "no")
        if isinstance(self._deployments, Exception):
            raise self._deployments
        return {"items": self._deployments}


async def test_one_that_runs_is_found() -> None:
    """Its Deployment suffices: webhooks need not be seen."""
    beside = await seed_beside(Answers([RUNS]))

    assert beside.installation is not None
    assert "gitops-reverser/manager" in beside.installation.message
    assert beside.unseen == ""


async def test_there_is_none() -> None:
    """Nothing is said."""
    assert await seed_beside(Answers([])) == Beside()


async def test_who_may_not_look_says_so() -> None:
    """Silence would read as if there were none."""
    beside = await seed_beside(Answers(Forbidden(403, "Forbidden", "no")))

    assert beside == Beside(unseen="not looked for GitOps Reverser: may not list deployments.apps")


async def test_a_failure_is_no_answer() -> None:
    """Who could not look says why."""
    beside = await seed_beside(Answers(TransientError("the API server does not answer")))

    assert beside.unseen == "not looked for GitOps Reverser: the API server does not answer"

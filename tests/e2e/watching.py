"""A cluster that is watched with webhooks, and what was called."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli import reverser
from tests.e2e.daemon import wait_for
from tests.e2e.setting import Setting
from tests.ports import free_port


@pytest.fixture
def watched(setting: Setting) -> Iterator[Setting]:
    """A running daemon that the API server calls, and people who may do anything in the namespace."""
    url = f"https://127.0.0.1:{free_port()}"
    setting.daemon.write(webhook={"bind": url.removeprefix("https://")})
    setting.daemon.start().ready()
    _webhook(setting, "install", "--url", url)
    for person in ("alice", "bob"):
        setting.plane.kubectl(
            *("create", "rolebinding", person, "-n", setting.namespace),
            *("--clusterrole=cluster-admin", f"--user={person}"),
        )
    _wait_until_called(setting)
    yield setting
    _webhook(setting, "uninstall")


def _webhook(setting: Setting, *arguments: str) -> None:
    admin = setting.plane.kubeconfig()
    done = reverser("webhook", *arguments, "--config", setting.daemon.config, kubeconfig=admin)
    assert done.returncode == 0, done.stderr


def _wait_until_called(setting: Setting) -> None:
    """The API server takes a new registration over within a second or two."""

    def called() -> bool:
        setting.daemon_idle()
        return setting.daemon.metric("gitopsreverser_admission_reviews_total") > 0

    wait_for("the first call", called)


REVIEWS = "gitopsreverser_admission_reviews_total"


def _called(setting: Setting) -> None:
    """Wait until the API server calls: after an outage it tries an address again only by and by."""
    before = setting.daemon.metric(REVIEWS)

    def called() -> bool:
        setting.daemon_idle()
        return setting.daemon.metric(REVIEWS) > before

    wait_for("a call", called, 60)

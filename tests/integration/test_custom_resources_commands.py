"""Commands that read the configuration file know that custom resources add to it."""

from __future__ import annotations

from pathlib import Path

import tomli_w
import yaml

from reverser.journal.read_only import not_in_git
from reverser.journal.sqlite import open_journal
from tests.cli import reverser


def test_the_webhook_covers_what_custom_resources_may_select(tmp_path: Path) -> None:
    """Rules come and go while the registration stays, so it leaves out no type and no namespace."""
    path = tmp_path / "reverser.toml"
    path.write_bytes(tomli_w.dumps({"data_dir": str(tmp_path), "webhook": {}, "resources": {}}).encode())
    arguments = ("webhook", "print", "--offline", "--config", path, "--url", "https://localhost:9443")

    done = reverser(*arguments, kubeconfig=tmp_path / "none")

    assert done.returncode == 0, done.stderr
    rules = yaml.safe_load(done.stdout)["webhooks"][0]["rules"]
    assert any("*" in rule["apiGroups"] for rule in rules), rules


async def test_withheld_shows_what_waits_for_a_config(tmp_path: Path) -> None:
    """Destinations of custom resources are not in the file; the journal knows them."""
    async with open_journal(tmp_path) as journal:
        await journal.set_setting("place/shop/web", "[]")
        await journal.set_setting("place/shop/deleted", "")

        assert [*not_in_git(tmp_path, ["live"]).backlogs] == ["live", "shop/web"]

"""What the structs cannot say: names that must be unique and known, and the process's own settings."""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING, Protocol

from reverser.config.destination_checks import check_clusters, check_collisions, check_destination
from reverser.config.leader_table import check_leader
from reverser.config.problems import key_paths, show
from reverser.config.resource_tables import check_resources
from reverser.config.rule_checks import check_rule, check_sanitize, check_sensitive, check_users_are_known
from reverser.config.webhook_checks import check_audit, check_identities, check_webhook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reverser.config.problems import Report
    from reverser.config.schema import Config

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")

BIND = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]/@]+):(?P<port>\d{1,5})", re.ASCII)
LOCAL = "127.0.0.1"
EVERYWHERE = frozenset(("0.0.0.0", "[::]"))  # noqa: S104 - listens nowhere


class NamedTable(Protocol):
    """A table with a name."""

    @property
    def name(self) -> str: ...


def check(config: Config, report: Report) -> None:
    """Report everything that is wrong between the tables and inside their texts."""
    _check_process(config, report)
    _check_names("clusters", config.clusters, report)
    optional = config.resources is not None
    destinations = _check_names("destinations", config.destinations, report, optional=optional)
    rules = _check_names("rules", config.rules, report, optional=optional)
    for path, destination in zip(destinations, config.destinations, strict=True):
        check_destination(destination, path, report)
    check_collisions(config.destinations, destinations, report)
    check_clusters(config, destinations, report)
    names = {each.name for each in config.clusters}, {each.name for each in config.destinations}
    check_resources(config, names[0], report)
    for path, rule in zip(rules, config.rules, strict=True):
        check_rule(rule, path, *names, report)
        if config.webhook is None:
            check_users_are_known(rule, path, report)
    for index, table in enumerate(config.sanitize):
        check_sanitize(table, f"sanitize[{index}]", report)
    for index, hidden in enumerate(config.sensitive):
        check_sensitive(hidden, f"sensitive[{index}]", report)


def _check_process(config: Config, report: Report) -> None:
    if not config.data_dir.strip():
        report.add("data_dir", "must be the path of a folder, not an empty text")
    if not math.isfinite(config.grace_seconds) or config.grace_seconds < 0:
        report.add("grace_seconds", f"must be 0 or more seconds, not {config.grace_seconds}")
    _check_bind("operations.bind", config.operations.bind, 8081, report)
    check_identities(config.identities, report)
    if config.leader is not None:
        check_leader(config.leader, report)
    if config.webhook is not None:
        _check_bind("webhook.bind", config.webhook.bind, 9443, report)
        check_webhook(config.webhook, report)
    if config.audit.bind:
        _check_bind("audit.bind", config.audit.bind, 9444, report)
    check_audit(config, report)
    _check_binds(config, report)


def _check_bind(key: str, address: str, port: int, report: Report) -> None:
    bind = BIND.fullmatch(address)
    if bind is None or int(bind["port"]) > 65535:
        hint = f"for example 127.0.0.1:{port}, or 0.0.0.0:{port} for all addresses"
        report.add(key, f"must be host:port, not {show(address)}", hint)


def _check_binds(config: Config, report: Report) -> None:
    """Report listeners that would take each other's port."""
    binds = {"operations.bind": config.operations.bind, "audit.bind": config.audit.bind}
    if config.webhook is not None:
        binds["webhook.bind"] = config.webhook.bind
    matches = [(key, BIND.fullmatch(address)) for key, address in binds.items()]
    taken = [(key, bind["host"], int(bind["port"])) for key, bind in matches if bind is not None]
    for (one, host, port), (other, second, same) in itertools.combinations(taken, 2):
        if port == same != 0 and _share_an_address(host, second):
            report.add(other, f"uses port {port}, and so does {one}", "give each a port of its own")


def _missing(table: str) -> str:
    other = " (or [resources], to read custom resources)" if table != "clusters" else ""
    return f"add a [[{table}]] table{other}; config.example.toml has one"


def _share_an_address(one: str, other: str) -> bool:
    """Whether two hosts share an address, as far as can be told; a listener on IPv6 takes no IPv4."""
    pair = {LOCAL if host == "localhost" else host for host in (one, other)}
    families = {host.startswith("[") for host in pair}
    return len(pair) == 1 or (len(families) == 1 and not EVERYWHERE.isdisjoint(pair))


def _check_names(
    table: str, items: Sequence[NamedTable], report: Report, *, optional: bool = False
) -> list[str]:
    """The key path of each table, after its name was looked at."""
    if not items and not optional and not report.faulty(table):
        report.add(
            table,
            "is missing; at least one is needed",
            _missing(table),
        )
    names = [item.name for item in items]
    where = key_paths(names, table)
    for index, (path, name) in enumerate(zip(where, names, strict=True)):
        key = f"{path}.name"
        if report.faulty(key):
            continue
        if not NAME.fullmatch(name):
            report.add(key, f"must be 1 to 63 letters, digits, '.', '_' or '-', not {show(name)}")
        elif name in names[:index]:
            report.add(
                key, f"is {show(name)}, as {table}[{names.index(name)}] is already called", "rename one"
            )
    return where

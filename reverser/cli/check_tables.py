"""Findings for people: tables, and what to do about what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from reverser.cli.check_connections import ClusterFinding, DestinationFinding, Findings
    from reverser.cli.check_machine import HereFinding

OK = Text("ok", style="green")
LEFT_MOST = 50
"""Objects that are left alone, told one by one."""


def show(findings: Findings, console: Console) -> None:
    """Print all findings, ending with a verdict."""
    for cluster in findings.clusters:
        _show_cluster(cluster, console)
    _show_destinations(findings.destinations, console)
    for found in findings.here:
        _show_here(found, console)
    for cluster in findings.clusters:
        _show_roles(cluster, console)
    verdict = Text("all is well", style="green") if findings.ok else _bad("not ready: see above")
    console.print(verdict)


def _show_cluster(cluster: ClusterFinding, console: Console) -> None:
    if cluster.error:
        console.print(Text.assemble(f"cluster {cluster.name}: ", _bad(cluster.error)), soft_wrap=True)
        _say(cluster.hint, console)
        return
    title = f"cluster {cluster.name}: {cluster.server}, {cluster.version}, types: {len(cluster.types)}"
    table = _table(title, "type", "watched in", "objects", "rules", "list and watch")
    for found in cluster.types:
        allowed = OK if found.allowed else _bad("not allowed")
        where, rules = ", ".join(found.namespaces) or "everywhere", ", ".join(found.rules)
        objects = "?" if found.objects is None else f"{found.objects:,}"
        table.add_row(found.type, where, objects, rules, allowed)
    console.print(table)
    _say(_first_start(cluster), console)
    for note in cluster.notes:
        _say(f"note: {note}", console)


def _first_start(cluster: ClusterFinding) -> str:
    """How much a first start looks at."""
    known = [found.objects for found in cluster.types if found.objects is not None]
    more = "" if len(known) == len(cluster.types) else " and those of types with ?"
    return (
        f"a first start looks at {sum(known):,} objects{more}: reverser snapshot --to DIR shows their files"
    )


def _show_destinations(destinations: tuple[DestinationFinding, ...], console: Console) -> None:
    table = _table("remotes", "destination", "remote", "branch", "push")
    for found in destinations:
        branch = found.branch if found.branch_exists else f"{found.branch} (will be made)"
        table.add_row(
            found.name,
            Text(found.url) if found.reachable else Text.assemble(found.url, " ", _bad("unreachable")),
            branch if found.reachable else "?",
            OK if found.push_allowed else _bad("not allowed" if found.reachable else "?"),
        )
    console.print(table)
    for found in destinations:
        _show_described(found, console)
        if found.signing:
            console.print(f"destination {found.name}: signs with {found.signing}", soft_wrap=True)
        if found.encrypts:
            console.print(f"destination {found.name}: encrypts Secrets (tried)", soft_wrap=True)
        unheard = found.message if not (found.reachable and found.push_allowed) else ""
        wrong = (unheard, found.signing_error, found.encryption_error)
        for told in filter(None, wrong):
            console.print(Text.assemble(f"destination {found.name}: ", _bad(told)), soft_wrap=True)
        if any(wrong):
            _say(found.hint, console)


def _show_described(found: DestinationFinding, console: Console) -> None:
    """Where people's files are edited, and each object that is left alone because of one."""
    edited = [each for each in found.described if not each.reason]
    left = [each for each in found.described if each.reason]
    if found.described_error:
        _say(f"destination {found.name}: its files could not be read: {found.described_error}", console)
    if edited:
        console.print(
            f"destination {found.name}: {len(edited)} objects are edited in files that people wrote"
        )
    for each in left[:LEFT_MOST]:
        files = ", ".join(each.files)
        _say(f"{each.object} is left alone ({each.reason}): {files}: {each.why}", console)
    if len(left) > LEFT_MOST:
        _say(f"and {len(left) - LEFT_MOST} more: --output json has all", console)


def _table(title: str, *columns: str) -> Table:
    """A table that breaks long names instead of cutting them."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _show_here(found: HereFinding, console: Console) -> None:
    told = Text(found.message) if found.ok else _bad(found.message)
    console.print(Text.assemble(f"{found.key} {found.value}: ", told), soft_wrap=True)
    if not found.ok:
        _say(found.hint, console)


def _show_roles(cluster: ClusterFinding, console: Console) -> None:
    if cluster.roles:
        _say(f"cluster {cluster.name}: apply this, and bind it to the user that reverser runs as:\n", console)
        console.print(cluster.roles, soft_wrap=True, markup=False, highlight=False)


def _say(text: str, console: Console) -> None:
    if text:
        console.print(f"  {text}", soft_wrap=True, markup=False, highlight=False)


def _bad(text: str) -> Text:
    return Text(text, style="red")

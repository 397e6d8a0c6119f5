"""Findings for people: tables, and what to do about what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from reverser.cli.check_connections import ClusterFinding, DestinationFinding, Findings
    from reverser.cli.check_leader import LeaderFinding
    from reverser.cli.check_machine import HereFinding
    from reverser.cli.check_resources import ResourceFinding, ResourcesFinding

WELL = ("BranchFound", "Ready")
"""Reasons of custom resources of which there is nothing to say."""
OK = Text("ok", style="green")
MOST_UNTOUCHED = 50
"""Objects that are left alone, told one by one."""


def show(findings: Findings, console: Console) -> None:
    """Print all findings, ending with a verdict."""
    for cluster in findings.clusters:
        _show_cluster(cluster, console)
    if findings.destinations:
        _show_destinations(findings.destinations, console)
    if findings.custom_resources is not None:
        _show_resources(findings.custom_resources, console)
    if findings.leader is not None:
        _show_leader(findings.leader, console)
    for finding in findings.here:
        _show_here(finding, console)
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
    for type_ in cluster.types:
        allowed = OK if type_.allowed else _bad("not allowed")
        where, rules = ", ".join(type_.namespaces) or "everywhere", ", ".join(type_.rules)
        objects = "?" if type_.objects is None else f"{type_.objects:,}"
        table.add_row(type_.type, where, objects, rules, allowed)
    console.print(table)
    _say(_first_start(cluster), console)
    for note in cluster.notes:
        _say(f"note: {note}", console)


def _first_start(cluster: ClusterFinding) -> str:
    """How much a first start looks at."""
    known = [type_.objects for type_ in cluster.types if type_.objects is not None]
    more = "" if len(known) == len(cluster.types) else " and those of types with ?"
    return (
        f"a first start looks at {sum(known):,} objects{more}: reverser snapshot --to DIR shows their files"
    )


def _show_destinations(destinations: tuple[DestinationFinding, ...], console: Console) -> None:
    table = _table("remotes", "destination", "remote", "branch", "push")
    for finding in destinations:
        missing = "is missing" if finding.branch_missing else "will be made"
        branch = finding.branch if finding.branch_exists else f"{finding.branch} ({missing})"
        table.add_row(
            finding.name,
            Text(finding.url) if finding.reachable else Text.assemble(finding.url, " ", _bad("unreachable")),
            branch if finding.reachable else "?",
            _push(finding),
        )
    console.print(table)
    for finding in destinations:
        _show_described(finding, console)
        if finding.signing:
            console.print(f"destination {finding.name}: signs with {finding.signing}", soft_wrap=True)
        if finding.encrypts:
            console.print(f"destination {finding.name}: encrypts Secrets (tried)", soft_wrap=True)
        unheard = finding.message if not (finding.reachable and finding.push_allowed) else ""
        wrong = (unheard, finding.signing_error, finding.encryption_error)
        for message in filter(None, wrong):
            console.print(Text.assemble(f"destination {finding.name}: ", _bad(message)), soft_wrap=True)
        if any(wrong):
            _say(finding.hint, console)


def _show_resources(finding: ResourcesFinding, console: Console) -> None:
    where = f"custom resources of cluster {finding.cluster}"
    if finding.error:
        console.print(Text.assemble(f"{where}: ", _bad(finding.error)), soft_wrap=True)
        _say(finding.hint, console)
        return
    table = _table(where, "kind", "object", "verdict", "types")
    for each in finding.objects:
        table.add_row(each.kind, each.name, _verdict(each), ", ".join(each.types))
    console.print(table)
    for missing in finding.missing:
        console.print(Text.assemble(f"{where}: ", _bad(f"{missing} is not installed")), soft_wrap=True)
    if finding.missing:
        _say(finding.missing_hint, console)
    for forbidden in finding.forbidden:
        console.print(Text.assemble(f"{where}: ", _bad(forbidden)), soft_wrap=True)
    if finding.beside:
        console.print(_bad(finding.beside), soft_wrap=True)
        _say(finding.beside_hint, console)
    if finding.unseen:
        _say(f"note: {finding.unseen}", console)
    if finding.roles:
        _say(f"{where}: apply this, and bind it to the user that reverser runs as:\n", console)
        console.print(finding.roles, soft_wrap=True, markup=False, highlight=False)


def _show_leader(finding: LeaderFinding, console: Console) -> None:
    where = f"Lease {finding.lease} of cluster {finding.cluster}"
    if finding.error:
        console.print(Text.assemble(f"{where}: ", _bad(finding.error)), soft_wrap=True)
        _say(finding.hint, console)
        return
    if not finding.missing:
        held = f"held by {finding.holder}" if finding.holder else "free"
        console.print(Text.assemble(f"{where}: {held}, may be read and written ", OK), soft_wrap=True)
        return
    lacking = f"not allowed: {', '.join(finding.missing)}"
    console.print(Text.assemble(f"{where}: ", _bad(lacking)), soft_wrap=True)
    _say("apply this, and bind it to the user that reverser runs as:\n", console)
    console.print(finding.roles, soft_wrap=True, markup=False, highlight=False)


def _verdict(finding: ResourceFinding) -> Text:
    if finding.accepted and finding.reason in WELL:
        return OK
    text = f"{finding.reason}: {finding.message}"
    return Text(text) if finding.accepted else _bad(text)


def _push(finding: DestinationFinding) -> Text:
    if finding.push_allowed:
        return OK
    return _bad("not allowed" if finding.reachable and not finding.branch_missing else "?")


def _show_described(finding: DestinationFinding, console: Console) -> None:
    """Where people's files are edited, and each object that is left alone because of one."""
    edited = [each for each in finding.described if not each.reason]
    untouched = [each for each in finding.described if each.reason]
    if finding.described_error:
        _say(f"destination {finding.name}: its files could not be read: {finding.described_error}", console)
    if edited:
        console.print(
            f"destination {finding.name}: {len(edited)} objects are edited in files that people wrote"
        )
    for each in untouched[:MOST_UNTOUCHED]:
        files = ", ".join(each.files)
        _say(f"{each.object} is left alone ({each.reason}): {files}: {each.why}", console)
    if len(untouched) > MOST_UNTOUCHED:
        _say(f"and {len(untouched) - MOST_UNTOUCHED} more: --output json has all", console)


def _table(title: str, *columns: str) -> Table:
    """A table that breaks long names instead of cutting them."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _show_here(finding: HereFinding, console: Console) -> None:
    message = Text(finding.message) if finding.ok else _bad(finding.message)
    console.print(Text.assemble(f"{finding.key} {finding.value}: ", message), soft_wrap=True)
    if not finding.ok:
        _say(finding.hint, console)


def _show_roles(cluster: ClusterFinding, console: Console) -> None:
    if cluster.roles:
        _say(f"cluster {cluster.name}: apply this, and bind it to the user that reverser runs as:\n", console)
        console.print(cluster.roles, soft_wrap=True, markup=False, highlight=False)


def _say(text: str, console: Console) -> None:
    if text:
        console.print(f"  {text}", soft_wrap=True, markup=False, highlight=False)


def _bad(text: str) -> Text:
    return Text(text, style="red")

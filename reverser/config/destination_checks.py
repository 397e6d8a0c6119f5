"""What a `[[destinations]]` table must fulfil, and what two of them must not share.

Two destinations that write into one folder of one branch would undo each other's commits, so they
are refused at the start, also where the URLs are spelled differently.

Credentials are of exactly one kind, and one that the remote's URL can use:

| kind | keys | URL |
|---|---|---|
| SSH key | ssh_key, known_hosts | ssh://, scp-like |
| password | username, password | https://, http:// |
| token | token | https://, http:// |
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reverser.config import remote_url
from reverser.config.problems import one_of, show
from reverser.config.sops_checks import check_sops
from reverser.config.value_formats import parse_duration
from reverser.errors import WithheldError
from reverser.layout import paths
from reverser.layout.layouts import separates_clusters, template_problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reverser.config.problems import Report
    from reverser.config.schema import Config
    from reverser.model.destination import Credentials, Destination

BRANCH_FAULTS = re.compile(
    r"""[\x00-\x20\x7f~^:?*\[\\] | \.\. | @\{ | // | ^[/-] | [/.]$ | (^|/)\. | \.lock(/|$) | ^@$ | ^$""",
    re.VERBOSE,
)
"""git-check-ref-format(1), as one pattern."""

COMMITTER = re.compile(r"[^<>\x00-\x1f\x7f]*[^<>\s\x00-\x1f\x7f] <[^<>\s\x00-\x1f\x7f]+>")


def check_destination(destination: Destination, path: str, report: Report) -> None:
    """Report what is wrong inside one destination."""
    scheme = _scheme(destination, path, report)
    check_credentials(destination.credentials, scheme, f"{path}.credentials", report)
    _check_layout(destination, path, report)
    check_sops(destination, path, report)
    for key, problem in (
        ("branch", branch_problem(destination.branch)),
        ("path", path_problem(destination.path)),
        ("window", _window_problem(destination.window)),
        ("excluded_window", _window_problem(destination.excluded_window)),
        ("push_interval", _window_problem(destination.push_interval)),
        ("push_commits", _push_commits_problem(destination)),
        ("timeout", _timeout_problem(destination.timeout)),
        ("committer", _committer_problem(destination.committer)),
    ):
        if problem and not report.faulty(f"{path}.{key}"):
            report.add(f"{path}.{key}", *problem)


def check_collisions(destinations: Sequence[Destination], where: Sequence[str], report: Report) -> None:
    """Report destinations that would write into each other's folder."""
    seen: list[tuple[str, str, str]] = []
    for path, each in zip(where, destinations, strict=True):
        if any(report.faulty(f"{path}.{key}") for key in ("url", "branch", "path")):
            continue
        repository = f"{remote_url.parse(each.url).repository}#{each.branch}"
        for other, other_repository, folder in seen:
            if repository == other_repository and folders_overlap(folder, each.path):
                message = f"{show(each.path)} overlaps with {show(folder)} of {other}, on the same branch"
                report.add(f"{path}.path", message, "give each its own folder or branch")
        seen.append((path, repository, each.path))


def check_clusters(config: Config, where: Sequence[str], report: Report) -> None:
    """Report destinations that two clusters share though their layout has no place for the cluster."""
    for path, each in zip(where, config.destinations, strict=True):
        clusters = sorted({rule.cluster for rule in config.rules if rule.destination == each.name})
        key = f"{path}.{'template' if each.layout == 'template' else 'layout'}"
        if len(clusters) < 2 or report.faulty(key):
            continue
        if each.layout != "template" or not separates_clusters(each.template):
            message = f"would give objects of {' and '.join(clusters)} the same files"
            report.add(key, message, "give each cluster a destination, or use a template with {cluster}")


def folders_overlap(one: str, other: str) -> bool:
    """Whether two roots in one branch are equal, or one is inside the other."""
    first, second = [[part for part in path.split("/") if part] for path in (one, other)]
    shorter = min(len(first), len(second))
    return first[:shorter] == second[:shorter]


def _scheme(destination: Destination, path: str, report: Report) -> str:
    """Empty for a URL that is reported, now or before."""
    if report.faulty(f"{path}.url"):
        return ""
    try:
        return remote_url.parse(destination.url).scheme
    except ValueError as error:
        report.add(f"{path}.url", str(error))
        return ""


def _check_layout(destination: Destination, path: str, report: Report) -> None:
    key = f"{path}.template"
    if report.faulty(key) or report.faulty(f"{path}.layout"):
        return
    if destination.layout != "template":
        if destination.template:
            report.add(key, f'is used only with layout = "template", not with {show(destination.layout)}')
    elif problems := template_problems(destination.template):
        report.add(key, f"{show(destination.template)}: {'; '.join(problems)}", "see docs/layouts.md")


def branch_problem(branch: str) -> tuple[str, str] | None:
    """What is wrong with the name of a branch, and a hint; None: nothing."""
    if branch.startswith("refs/heads/"):
        return f"must be a branch, not {show(branch)}", f"write {branch.removeprefix('refs/heads/')}"
    if BRANCH_FAULTS.search(branch):
        return f"{show(branch)} is not a branch name that Git allows", "for example main"
    return None


def path_problem(path: str) -> tuple[str, str] | None:
    """What is wrong with the root of a destination, and a hint; None: nothing."""
    folder = path.removesuffix("/")
    if path.startswith("/"):
        return f"must be relative to the repository's root, not {show(path)}", f"write {path.strip('/')}"
    try:
        paths.check(folder or "root")
    except WithheldError as error:
        return error.message, "write a plain folder, for example clusters/live"
    return None


def _window_problem(window: str) -> tuple[str, str] | None:
    try:
        parse_duration(window)
    except ValueError as error:
        return str(error), ""
    return None


def _push_commits_problem(destination: Destination) -> tuple[str, str] | None:
    if destination.push_commits < 0:
        return f"must be 0 or more, not {destination.push_commits}", "0: however many there are"
    waits = _window_problem(destination.push_interval) or parse_duration(destination.push_interval) > 0
    if destination.push_commits and not waits:
        return "is used only with push_interval", 'add push_interval = "1m"'
    return None


def _timeout_problem(timeout: str) -> tuple[str, str] | None:
    if problem := _window_problem(timeout):
        return problem
    if parse_duration(timeout) < 1:
        return (
            f"must be 1s or more, not {show(timeout)}",
            "remotes may be silent for minutes: 5m is the default",
        )
    return None


def _committer_problem(committer: str) -> tuple[str, str] | None:
    if COMMITTER.fullmatch(committer):
        return None
    return (
        f"must be a name and an address, not {show(committer)}",
        "for example Reverser <reverser@example.com>",
    )


CREDENTIAL_KINDS = {
    "ssh_key": ("ssh_key", "known_hosts"),
    "password": ("username", "password"),
    "token": ("token",),
}

FITTING = {"ssh": ("ssh_key",), "https": ("password", "token"), "http": ("password", "token"), "file": ()}


def check_credentials(credentials: Credentials, scheme: str, path: str, report: Report) -> None:
    """Report mixed, incomplete and unfitting credentials of a remote; no scheme: of one that is unknown.

    A key with a problem of its own is given all the same, and hides nothing but that a key is missing.
    """
    given = {kind: _present_keys(keys, credentials, path, report) for kind, keys in CREDENTIAL_KINDS.items()}
    kinds = [kind for kind, keys in given.items() if keys]
    if len(kinds) > 1:
        keys = one_of(key for kind in kinds for key in given[kind]).replace(" or ", " and ")
        report.add(path, f"mixes {keys}", "keep exactly one kind")
    elif kinds and scheme and kinds[0] not in FITTING[scheme]:
        _add_unfitting(given[kinds[0]], scheme, path, report)
    elif not report.faulty(path) and (kinds or scheme == "ssh"):
        _check_complete(kinds[0] if kinds else "ssh_key", credentials, path, report)
    if credentials.ssh_passphrase and "ssh_key" not in given["ssh_key"]:
        report.add(f"{path}.ssh_passphrase", "is used only with ssh_key", "add ssh_key, or take it out")


def _present_keys(keys: Sequence[str], credentials: Credentials, path: str, report: Report) -> list[str]:
    return [key for key in keys if getattr(credentials, key) or report.has_problem(f"{path}.{key}")]


def _add_unfitting(keys: Sequence[str], scheme: str, path: str, report: Report) -> None:
    """At the first key that has no problem yet, since each can have one only."""
    key = next((key for key in keys if not report.has_problem(f"{path}.{key}")), keys[0])
    fitting = FITTING[scheme]
    usable = one_of(" with ".join(CREDENTIAL_KINDS[kind]) for kind in fitting) if fitting else "none"
    report.add(f"{path}.{key}", f"does not fit a {scheme} URL", f"use {usable}")


def _check_complete(kind: str, credentials: Credentials, path: str, report: Report) -> None:
    for key in CREDENTIAL_KINDS[kind]:
        if not getattr(credentials, key):
            hint = "ssh-keyscan prints it; compare before you trust it" if key == "known_hosts" else ""
            report.add(
                f"{path}.{key}", f"is missing; {' and '.join(CREDENTIAL_KINDS[kind])} belong together", hint
            )

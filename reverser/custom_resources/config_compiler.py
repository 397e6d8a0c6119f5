"""One GitRepoConfig -> its destination, its login, and a verdict.

Three things may be wrong with it. Its spec: then there is no destination. Its Secret: then the destination is
there but suspended, so that a Secret that is replaced costs neither changes nor another list of everything.
Its folder, which another one writes to: `overlap` decides that among all of them.

What only the remote can tell (a wrong password, a missing branch) is no part of this verdict.
"""

from __future__ import annotations

import re

import msgspec

from reverser.config.destination_checks import branch_problem, path_problem
from reverser.config.value_formats import parse_duration
from reverser.custom_resources import label_selector, remote_urls, secret_keys
from reverser.custom_resources.api_types import GitRepoConfig, GitRepoConfigSpec, Push
from reverser.custom_resources.model import ObjectName, SecretData, Tenancy, Verdict
from reverser.custom_resources.remote_urls import RemoteRepository
from reverser.custom_resources.secret_keys import SecretRefusal
from reverser.model.destination import Credentials, Destination
from reverser.text import cut, visible

GOOD = "BranchFound"
DEFAULT_INTERVAL = "1m"
DEFAULT_MAX_COMMITS = 20
MOST_INTERVAL_SECONDS = 24 * 3600
MOST_BRANCH, MOST_PATH = 250, 1024
_SECRET_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_GO_DURATION = re.compile(r"(?:(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))", re.ASCII)
_UNIT_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}


class SecretState(msgspec.Struct, frozen=True):
    """What is known of the Secret that a config names."""

    read: bool = False
    data: SecretData | None = None
    error: str = ""
    """A sentence on why it cannot be read."""


class CompiledConfig(msgspec.Struct, frozen=True):
    """What one GitRepoConfig means, before overlaps are looked at."""

    verdict: Verdict
    destination: Destination | None = None
    """None when its spec cannot be used."""
    repository: RemoteRepository | None = None
    credentials: Credentials | None = None
    """None when the Secret cannot be used."""
    secret: ObjectName | None = None
    """The Secret that must be known."""


class _Refused(Exception):
    def __init__(self, reason: str, stalled: str, message: str, *, waiting: bool = False) -> None:
        super().__init__(message)
        self.verdict = Verdict(False, reason, message, stalled, waiting)


def compile_config(
    config: GitRepoConfig, tenancy: Tenancy, secret: SecretState, known_hosts: bytes
) -> CompiledConfig:
    """The destination of a config. Never raises for what its owner has written."""
    try:
        repository = _repository(config.spec, tenancy)
        destination, warnings = _destination(config)
        name = _secret_name(config)
    except _Refused as refused:
        return CompiledConfig(refused.verdict)
    try:
        credentials = _credentials(name, secret, repository, known_hosts)
    except _Refused as refused:
        waiting = msgspec.structs.replace(destination, suspend=True)
        verdict = msgspec.structs.replace(refused.verdict, warnings=warnings)
        return CompiledConfig(verdict, waiting, repository, None, name)
    return CompiledConfig(_verdict(config, warnings), destination, repository, credentials, name)


def _verdict(config: GitRepoConfig, warnings: tuple[str, ...]) -> Verdict:
    if config.spec.suspend:
        message = "spec.suspend is true: nothing is written, and changes wait"
        return Verdict(True, "Suspended", message, warnings=warnings)
    return Verdict(True, GOOD, "", warnings=warnings)


def _repository(spec: GitRepoConfigSpec, tenancy: Tenancy) -> RemoteRepository:
    try:
        repository = remote_urls.read(spec.repo_url)
        allowed = remote_urls.allowed(spec.repo_url, tenancy.allow_urls)
    except ValueError as error:
        raise _Refused("ConnectionFailed", "UrlRefused", f"spec.repoUrl {error}") from None
    if not allowed and remote_urls.is_local(spec.repo_url):
        message = (
            "spec.repoUrl leads to the machine of the daemon, its metadata service or the API server; only "
            "[tenancy] allow_urls of the configuration file can allow that, by the name of the host without *"
        )
        raise _Refused("ConnectionFailed", "UrlNotAllowed", message)
    if not allowed:
        message = (
            "spec.repoUrl is none of the repositories that [tenancy] allow_urls of the configuration file "
            "allows; whoever runs the daemon can add it"
        )
        raise _Refused("ConnectionFailed", "UrlNotAllowed", message)
    return repository


def _destination(config: GitRepoConfig) -> tuple[Destination, tuple[str, ...]]:
    spec, metadata = config.spec, config.metadata
    _check_branch(spec.branch)
    _check_path(spec.path)
    _check_window(spec.window)
    interval, max_commits, warnings = _push(spec.push)
    destination = Destination(
        name=f"{metadata.namespace}/{metadata.name}",
        url=spec.repo_url,
        branch=spec.branch,
        create_branch=spec.create_branch,
        path=spec.path,
        adopt=spec.adopt,
        layout=spec.layout,
        window=spec.window or "0s",
        push_interval=interval,
        push_commits=max_commits,
        suspend=spec.suspend,
        secrets=spec.secrets,
        suspicious=spec.suspicious,
        message=spec.message,
    )
    return destination, (*warnings, *_selector_warning(spec))


def _check_branch(branch: str) -> None:
    problem = branch_problem(branch)
    if len(branch.encode(errors="replace")) > MOST_BRANCH:
        problem = (f"has more than {MOST_BRANCH} bytes", "")
    if problem:
        raise _Refused("BranchNotFound", "BranchInvalid", _sentence("spec.branch", *problem))


def _check_path(path: str) -> None:
    problem = path_problem(path)
    if len(path) > MOST_PATH:
        problem = (f"has more than {MOST_PATH} characters", "")
    if problem:
        raise _Refused("PathInvalid", "PathInvalid", _sentence("spec.path", *problem))


def _check_window(window: str) -> None:
    try:
        seconds = parse_duration(window or "0s")
    except ValueError:
        problem = f"{_quoted(window)} is not a duration; write it like 500ms, 5s or 1m30s"
        raise _Refused("WindowInvalid", "WindowInvalid", f"spec.window {problem}") from None
    if seconds > MOST_INTERVAL_SECONDS:
        raise _Refused("WindowInvalid", "WindowInvalid", "spec.window is longer than 24h")


def _sentence(field: str, message: str, hint: str) -> str:
    return f"{field} {visible(message)}" + (f" ({visible(hint)})" if hint else "")


def _push(push: Push | None) -> tuple[str, int, tuple[str, ...]]:
    """(interval, number of changes, warnings): what is not given or cannot be read is 1m, or 20."""
    if push is None or not (push.interval or push.max_commits):
        return "0s", 0, ()
    seconds = _seconds(push.interval) if push.interval else None
    warnings: tuple[str, ...] = ()
    if push.interval and seconds is None:
        text = _quoted(push.interval)
        wrong = f"spec.push.interval {text} is not a duration of at most 24h, such as 30s or 1m"
        warnings = (f"{wrong}: {DEFAULT_INTERVAL} is used",)
    interval = DEFAULT_INTERVAL if seconds is None else f"{round(seconds * 1000)}ms"
    count = push.max_commits if push.max_commits > 0 else DEFAULT_MAX_COMMITS
    return interval, count, warnings


def _seconds(text: str) -> float | None:
    """A duration of Go, from 0 to 24h; None for anything else."""
    if len(text) > 100 or _GO_DURATION.sub("", text):
        return None
    seconds = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _GO_DURATION.findall(text))
    return seconds if seconds <= MOST_INTERVAL_SECONDS else None


def _selector_warning(spec: GitRepoConfigSpec) -> tuple[str, ...]:
    policy = spec.access_policy
    selector = policy.namespaced_rules.namespace_selector if policy and policy.namespaced_rules else None
    try:
        label_selector.spelt(selector)
    except ValueError as error:
        field = "spec.accessPolicy.namespacedRules.namespaceSelector"
        return (f"{field} admits no WatchRule: {error}",)
    return ()


def _secret_name(config: GitRepoConfig) -> ObjectName | None:
    reference = config.spec.secret_ref
    if reference is None:
        return None
    if not _SECRET_NAME.fullmatch(reference.name):
        message = f"spec.secretRef.name {_quoted(reference.name)} is not the name of a Secret"
        raise _Refused("SecretNotFound", "SecretNameInvalid", message)
    return ObjectName(config.metadata.namespace, reference.name)


def _credentials(
    name: ObjectName | None, secret: SecretState, repository: RemoteRepository, known_hosts: bytes
) -> Credentials:
    if name is None:
        if repository.scheme != "ssh":
            return Credentials()
        message = (
            "spec.secretRef is missing, and an ssh URL needs a Secret with ssh-privatekey and known_hosts"
        )
        raise _Refused("SecretNotFound", "CredentialsMissing", message)
    if secret.data is not None:
        credentials = secret_keys.read(name, secret.data, repository, known_hosts)
        if isinstance(credentials, SecretRefusal):
            raise _Refused(credentials.reason, credentials.stalled, credentials.message)
        return credentials
    if secret.error:
        raise _Refused("SecretNotFound", "SecretUnreadable", secret.error)
    if not secret.read:
        raise _Refused("Checking", "", f"Secret {name} is being read", waiting=True)
    raise _Refused(
        "SecretNotFound", "", f"Secret {name} does not exist; create it, or set spec.secretRef.name"
    )


def _quoted(text: str) -> str:
    return f'"{cut(visible(text), 80)}"'

"""The remote of a destination: git commands that speak to it, logged in, and ended when they hang.

URL and refspec are given with each command and are not in the repository's configuration, so that a
destination whose URL or branch changes leaves nothing behind. Both fetch and push move `TRACKING`, which
has the remote's head of the last time.

A fetch reads our branch and no tags. It is complete, neither shallow nor without blobs: that each entry
lands exactly once rests on the trailers of the whole history, and a repository without blobs would ask the
network for them one by one in the middle of local work, without our credentials. A fetch that breaks off
begins again from nothing, so it goes on for as long as it makes progress.

A push is a compare-and-swap: it lands if the remote's ref is at exactly the commit that ours was built
on (`--force-with-lease=<ref>:<parent>`), else not at all. Without the parent git would push onto any
ancestor too, and bring back what somebody has just rewound. Ours always descends from that parent, so
that a remote that refuses forced pushes takes it.

`git push --porcelain` prints one line a ref: flag, refs, and a summary whose words tell a race (STALE)
from a policy (REFUSED). The remote's own words are `remote:` lines on stderr.

| flag | summary | outcome |
|---|---|---|
| blank, `*` | | PUSHED |
| `=` | | UP_TO_DATE |
| `!` | `[rejected]`; or the ref moved between the remote's offer and our update | STALE |
| `!` | the remote could not store it | UNREACHABLE |
| `!` | any other `[remote rejected]` | REFUSED |
| none | by the words on stderr | DENIED or UNREACHABLE |
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import msgspec

from reverser.config import remote_url
from reverser.errors import ReverserError, StalledError, TransientError
from reverser.git.credentials import login, uses_ssh
from reverser.git.errors import says_something, translate, without_body
from reverser.git.process import Finished, Git, Settings, without_progress
from reverser.git.ssh_key import SshKeyCache
from reverser.git.user_config import NO_LOGIN, empty_home, take
from reverser.model.commit import PushOutcome, PushResult
from reverser.model.destination import Credentials, Destination, is_of_resource
from reverser.turns import Turns

Ask: TypeAlias = Callable[[Destination], Awaitable[Credentials]]
"""How to log in now. Raises StalledError."""

BRANCH_NOT_FOUND = "BranchNotFound"
BRANCH_HINT = "push the branch, correct its name, or let reverser make it: create_branch = true"

AT_ONCE = 8
"""With one host. More make no push faster, and each takes tens of megabytes and a connection."""
MOST_SECONDS = 20.0
of_host: dict[str, Turns] = defaultdict(lambda: Turns(AT_ONCE, MOST_SECONDS))
"""A host that gives no answer holds up nobody who speaks to another."""

TRACKING = "refs/remotes/origin/branch"
PUSH_LINGER_SECONDS = 2.0
"""A push that is ended in the middle may leave a lock behind, in a remote on the same disk too, where
nobody would ever take it away. Most are done sooner than this."""

REDIRECTED = re.compile(r"returned error: 30\d")
TRACE = {"GIT_TRACE_CURL": "1", "GIT_TRACE_CURL_NO_DATA": "1"}
"""Prints the headers of requests and answers; git leaves our credentials out."""
LOCATION = re.compile(
    r"<= Recv header: location: *(\S+?)(?:/info/refs)?(?:\?\S*)?$", re.IGNORECASE | re.MULTILINE
)


class Remote:
    """One remote branch, spoken to through one bare repository."""

    def __init__(
        self, git: Git, destination: Destination, silent_seconds: float, login: Ask | None = None
    ) -> None:
        """`login` returns the credentials for each command, in place of the destination's."""
        self._ask_login = login
        self._key = SshKeyCache()
        self.git = git
        self.ref = f"refs/heads/{destination.branch}"
        self.create_branch = destination.create_branch
        self.silent_seconds = silent_seconds
        self._destination = destination
        self._host = _host(destination.url)
        self._config: Path | None = None
        self._users_logins = not is_of_resource(destination.name)
        """Whether the operator's own logins count: never for somebody who writes GitRepoConfigs."""
        self._settings = (
            ("remote.origin.url", destination.url),
            ("remote.origin.fetch", f"+{self.ref}:{TRACKING}"),
        )

    async def push(self, ref: str, new: str, old: str, *, settings: Settings = ()) -> Finished:
        """Move one ref of the remote from `old` ("" = none) to `new`, which descends from it, or not at all.

        Its answer is for `interpret`; as `run`, but a cancelled one may end by itself.
        """
        return await self.run(
            "push",
            "--porcelain",
            "--progress",
            "--no-follow-tags",
            "--no-signed",
            "--recurse-submodules=no",
            f"--force-with-lease={ref}:{old}",
            "origin",
            f"{new}:{ref}",
            settings=settings,
            linger_seconds=PUSH_LINGER_SECONDS,
        )

    async def run(self, *arguments: str, settings: Settings = (), linger_seconds: float = 0.0) -> Finished:
        """Run a command that speaks to `origin`; what it says comes back free of secrets.

        StalledError: the credentials cannot be read. TransientError: it made no progress.
        """
        try:
            if self._config is None or arguments[0] != "push":
                self._config = await take(self.git, logins=self._users_logins)
            with login(await self._with_credentials(), self.git.folder) as access:
                command = partial(
                    self.git.run,
                    settings=(*self._settings, *self._no_login(), *access.settings, *settings),
                    silent_seconds=self.silent_seconds,
                    linger_seconds=linger_seconds,
                    turns=of_host[self._host],
                )
                variables = access.variables | {"GIT_CONFIG_GLOBAL": str(self._config)}
                if not self._users_logins:
                    variables |= empty_home(self.git.folder)
                done = await command(*arguments, variables=variables)
                if not self._users_logins:
                    # Whoever writes a GitRepoConfig is not to read what other services answer to us.
                    done = msgspec.structs.replace(done, stderr=without_body(done.stderr))
                if done.code and REDIRECTED.search(done.stderr):
                    traced = await command("ls-remote", "origin", variables=variables | TRACE)
                    done = msgspec.structs.replace(done, stderr=done.stderr + _moved(traced.stderr))
        except OSError as error:
            message = f"the login cannot be prepared: {error.strerror or error}"
            raise TransientError(message, hint="free some space on the disk of data_dir") from error
        return msgspec.structs.replace(done, stderr=access.redact(without_progress(done.stderr)))

    def _no_login(self) -> Settings:
        return () if self._users_logins else NO_LOGIN

    async def _with_credentials(self) -> Destination:
        """The destination with the credentials of now, and an SSH key that needs no passphrase."""
        credentials = self._destination.credentials
        if self._ask_login is not None:
            credentials = await self._ask_login(self._destination)
        if uses_ssh(self._destination.url):
            credentials = await self._key.without_passphrase(credentials)
        return msgspec.structs.replace(self._destination, credentials=credentials)


def _host(url: str) -> str:
    """Host and port; empty for a folder."""
    try:
        return remote_url.parse(url).repository.partition("/")[0]
    except ValueError:
        return url


def _moved(trace: str) -> str:
    """Where a redirect leads to, in a line like one of the remote's own."""
    match = LOCATION.search(trace)
    return f"\nremote: it redirects to {match[1]}\n" if match else ""


async def fetch(remote: Remote) -> str:
    """Fetch the remote branch, even if its history was rewritten; its head, or "" when it is missing.

    Raises StalledError when it is missing and is not to be created.
    """
    done = await remote.run(
        "fetch",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "--progress",
        "origin",
    )
    if done.code == 0:
        return (await remote.git.output("rev-parse", "--verify", TRACKING)).decode().strip()
    if f"couldn't find remote ref {remote.ref}" in done.stderr:
        await check_creation(remote)
        return ""
    raise translate(done.stderr)


async def check_creation(remote: Remote) -> None:
    """Raise StalledError when the branch is missing beside others, and the destination does not create it."""
    if remote.create_branch:
        return
    done = await remote.run("ls-remote", "--quiet", "--heads", "origin")
    if done.code:
        raise translate(done.stderr)
    branches = [line.partition("\t")[2] for line in done.stdout.decode(errors="replace").splitlines()]
    if branches and remote.ref not in branches:
        branch = remote.ref.removeprefix("refs/heads/")
        message = f"the repository has no branch {branch!r}, and has others"
        raise StalledError(BRANCH_NOT_FOUND, message, hint=BRANCH_HINT)


REJECTED = re.compile(r"\[rejected\]|incorrect old value|\(reference (already exists|does not exist)\)")

NOT_STORED = re.compile(
    r"\[remote failure\]|unpacker error|failed to update ref|cannot lock ref|migrate objects"
)

MOVED = re.compile(r"cannot lock ref (?:(?!cannot lock ref ).)*?(?:but expected|reference already exists)")

IMPOSSIBLE = re.compile(r"exists; cannot create")
"""A branch `main/x` stands where `main` should be: a person must choose another name."""

FLAGS = {" ": PushOutcome.PUSHED, "*": PushOutcome.PUSHED, "=": PushOutcome.UP_TO_DATE}


MANY_COMMITS = 50

AS_WRITTEN: Settings = (("pack.window", "0"),)
"""Send objects as fast-import left them: many commits leave in 0.6 of the time, as twice the bytes."""


async def push(remote: Remote, head: str, parent: str, commits: int = 1) -> PushResult:
    """Move the remote branch from `parent` ("" = it is missing) to `head`, which descends from it.

    `commits`: about so many of them are new.
    """
    settings = AS_WRITTEN if commits >= MANY_COMMITS else ()
    try:
        done = await remote.push(remote.ref, head, parent, settings=settings)
    except (StalledError, TransientError) as error:
        return _failed(error)
    return interpret(done, head)


def interpret(done: Finished, head: str) -> PushResult:
    """What the answer of `git push --porcelain` of one ref means."""
    for line in done.stdout.decode(errors="replace").splitlines():
        flag, _, rest = line.partition("\t")
        if rest and flag in FLAGS and done.code == 0:
            return PushResult(FLAGS[flag], head)
        if rest and flag == "!":
            summary = rest.partition("\t")[2]
            return PushResult(_refusal(summary, done.stderr), message=_message(summary, done.stderr))
    return _failed(translate(done.stderr))


def _refusal(summary: str, stderr: str) -> PushOutcome:
    if REJECTED.search(summary):
        return PushOutcome.STALE
    if not NOT_STORED.search(summary) or IMPOSSIBLE.search(summary + stderr):
        return PushOutcome.REFUSED
    return PushOutcome.STALE if MOVED.search(summary + stderr) else PushOutcome.UNREACHABLE


def _message(summary: str, stderr: str) -> str:
    lines = [
        line.removeprefix("remote:").strip() for line in stderr.splitlines() if line.startswith("remote:")
    ]
    return "; ".join([summary, *filter(says_something, lines)])[:1000]


def _failed(error: ReverserError) -> PushResult:
    if isinstance(error, StalledError):
        return PushResult(PushOutcome.DENIED, message=error.message, reason=error.reason, hint=error.hint)
    hint = f" ({error.hint})" if error.hint else ""
    return PushResult(PushOutcome.UNREACHABLE, message=f"{error.message}{hint}")

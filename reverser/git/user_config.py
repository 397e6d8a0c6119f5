"""What of the user's own Git configuration holds for our commands: how to connect, never where to.

Proxies, certificates, `safe.directory` and the memory of packs are the operator's to say. All else would
move our commands elsewhere or have them run programs: `url.*.insteadOf` and a `pushurl` lead credentials
to another host, `core.sshCommand` and `remote.*.receivepack` are programs. So nothing is in force but
a copy of the settings listed here, which is made anew at each fetch.

The destination of a GitRepoConfig belongs to somebody who must not log in as the operator: it gets no setting
that does so, and a home without a `.netrc`. Proxies stay as they are, with their login, which no remote sees.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import structlog
import trio

from reverser.git.process import Git, Settings

log = structlog.get_logger()

NAME = "user.gitconfig"
_logged: list[str] = []
"""Git's last error about a configuration that it cannot read: logged once, not at each fetch."""

DEFAULTS = {
    "core.deltabasecachelimit": "16m",
    "core.packedgitlimit": "32m",
    "core.packedgitwindowsize": "1m",
    "pack.deltacachesize": "16m",
    "pack.threads": "1",
    "pack.windowmemory": "16m",
}
"""They bound the memory of each command, also while it pushes a first snapshot; the user's own come after."""

TAKEN = re.compile(
    r"safe\.directory"
    r"|http\.(.+\.)?(proxy(authmethod|ssl\w+)?|ssl\w+|pinnedpubkey|version|postbuffer|useragent"
    r"|curloptresolve|lowspeed(limit|time))"
    r"|pack\.\w+|protocol\.version|core\.(compression|bigfilethreshold|deltabasecachelimit|packedgit\w+)"
)
"""Names as git prints them; what stands between the first and the last dot keeps its case."""

LOGINS = re.compile(
    r"http\.(.+\.)?(emptyauth|delegation|ssl(cert\w*|key\w*))"
    r"|http\..+\.extraheader"  # with a URL: it goes to that host alone
)
"""Those that log in, for destinations of the configuration file."""

NO_LOGIN: Settings = (("http.emptyAuth", "false"),)
"""Git's default offers the Kerberos ticket of the user that we run as."""


def empty_home(folder: Path) -> dict[str, str]:
    """The variables of commands that must find no login of the user's, such as that of `.netrc`."""
    home = folder / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    return {"HOME": str(home)}


async def take(git: Git, *, logins: bool = True) -> Path:
    """Copy what we take of the user's settings as they are now; the file with the copy.

    `logins`: those that log in as well.
    """
    done = await git.run("config", "--list", "--null", users_own=True)
    if done.code:
        _log_once(done.stderr.strip())
    path = git.folder / NAME
    await trio.to_thread.run_sync(_write, path, taken(done.stdout if done.code == 0 else b"", logins=logins))
    return path


def _log_once(complaint: str) -> None:
    if _logged != [complaint]:
        _logged[:] = [complaint]
        log.warning("the user's Git configuration cannot be read", error=complaint)


def taken(listed: bytes, *, logins: bool = True) -> str:
    """A configuration file: our defaults, and what we take of what `git config --list --null` printed."""
    rows = [row.partition("\n") for row in listed.decode(errors="replace").split("\0")[:-1]]
    users = [(name, _without_tilde(value)) for name, _, value in rows if _is_taken(name, logins=logins)]
    return "".join(_section(name, value) for name, value in (*DEFAULTS.items(), *users))


def _is_taken(name: str, *, logins: bool) -> bool:
    return logins if LOGINS.fullmatch(name) else TAKEN.fullmatch(name) is not None


def _without_tilde(value: str) -> str:
    """A path in the user's home, which is another one for some commands."""
    return os.path.expanduser(value) if value.startswith("~/") else value  # noqa: PTH111 of any text


def _section(name: str, value: str) -> str:
    section, _, rest = name.partition(".")
    subsection, _, variable = rest.rpartition(".")
    head = f'[{section} "{_escaped(subsection)}"]' if subsection else f"[{section}]"
    return f'{head}\n\t{variable} = "{_escaped(value)}"\n'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")


def _write(path: Path, text: str) -> None:
    """Whole or not at all, as other commands may read it now; a proxy's password may be in it."""
    beside = path.with_suffix(f".{os.urandom(4).hex()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    beside.replace(path)

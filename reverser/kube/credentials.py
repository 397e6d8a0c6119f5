"""How to log in to an API server, by kr8s: kubeconfig, in-cluster token, exec plugin, certificate.

kr8s is used for this and nothing else (docs/decisions/0001), and of it only the part that reads
credentials: its public entry asks the server for a version first, so that a server which is down
would look like credentials that are wrong. The temporary key files that kr8s leaves behind at each
login are removed as soon as they are loaded, and its errors become ours. A login that takes longer
than `LOGIN_SECONDS` is given up, and an exec plugin that hangs is ended with all that it started.
"""

from __future__ import annotations

import hashlib
import os
import ssl
import subprocess
from collections.abc import Mapping
from pathlib import Path

import kr8s._auth
import trio
from kr8s._auth import KubeAuth

from reverser.errors import StalledError
from reverser.subprocesses import end_group

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
LOGIN_SECONDS = 60.0
"""How long a login may take. A cloud's plugin asks the network, and needs seconds."""
COMPLAINT_LENGTH = 500


class Credentials:
    """Where the API server is, and what it wants to see; made by `load`."""

    def __init__(self, auth: KubeAuth) -> None:
        self._auth = auth
        self.verify: ssl.SSLContext | bool = True
        """What httpx takes as `verify`: a context with our certificate and the server's authority."""

    @property
    def server(self) -> str:
        """The API server's URL."""
        return self._auth.server.rstrip("/")

    @property
    def token(self) -> str:
        """A bearer token; empty when the client certificate is all there is."""
        return (self._auth.token or "").strip()

    @property
    def proxy(self) -> str | None:
        """The kubeconfig's `proxy-url`."""
        return self._auth.proxy or None

    @property
    def tls_server_name(self) -> str:
        """The name to ask and check the certificate for, when it differs from the URL's."""
        return self._auth.tls_server_name or ""

    async def refresh(self) -> None:
        """Read tokens anew, or run the exec plugin again. Raises StalledError, also after LOGIN_SECONDS."""
        try:
            with trio.fail_after(LOGIN_SECONDS):
                await self._auth.reauthenticate()
            self.verify = await self._auth.ssl_context()  # type: ignore[no-untyped-call]
        except trio.TooSlowError as error:
            raise _too_slow(self._auth) from error
        except Exception as error:  # kr8s raises whatever a kubeconfig can provoke
            raise _unusable(error) from error
        finally:
            _remove_temporary(self._auth)
        if isinstance(self.verify, ssl.SSLContext) and not self._auth.server_ca_file:
            self.verify.load_default_certs()


async def load(kubeconfig: str, context: str) -> Credentials:
    """Credentials from a kubeconfig; empty: in-cluster, else $KUBECONFIG, else ~/.kube/config.

    Raises StalledError when there are none, or they cannot be read.
    """
    auth = KubeAuth(kubeconfig=_path(kubeconfig), context=context or None, serviceaccount=str(ACCOUNT))
    credentials = Credentials(auth)
    await credentials.refresh()
    return credentials


def own_namespace() -> str:
    """The pod's namespace: $POD_NAMESPACE, or the service account's; empty outside of a pod."""
    named = os.environ.get("POD_NAMESPACE", "")
    try:
        return named or (ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def fingerprint(kubeconfig: str) -> str:
    """What tells one content of a kubeconfig from another; empty where it cannot be read."""
    names = kubeconfig or os.environ.get("KUBECONFIG", "") or "~/.kube/config"
    digest = hashlib.blake2b(digest_size=16)
    for name in names.split(os.pathsep):
        try:
            digest.update(Path(name).expanduser().read_bytes())
        except OSError:
            return ""
    return digest.hexdigest()


def _path(kubeconfig: str) -> str | None:
    if kubeconfig:
        if not Path(kubeconfig).expanduser().is_file():
            message = f"the kubeconfig {kubeconfig!r} is not there"
            raise StalledError("KubeconfigMissing", message, hint="set `kubeconfig` of the cluster")
        return kubeconfig
    # kr8s falls back to the service account only where it finds no kubeconfig: name one that is not there.
    in_cluster = "KUBERNETES_SERVICE_HOST" in os.environ and (ACCOUNT / "token").is_file()
    return str(ACCOUNT / "none") if in_cluster else None


def _unusable(error: Exception) -> StalledError:
    text = f"{error!r}" if isinstance(error, KeyError) else str(error) or type(error).__name__
    hint = "name a kubeconfig and a context of it under [[clusters]], or set KUBECONFIG"
    return StalledError("CredentialsUnusable", f"no usable Kubernetes credentials: {text}", hint=hint)


def _too_slow(auth: KubeAuth) -> StalledError:
    plugin = (auth._user.get("exec") or {}).get("command") if isinstance(auth._user, dict) else None
    what = f"the credential plugin {plugin!r}" if plugin else "reading the credentials"
    message = f"{what} took longer than {LOGIN_SECONDS:g} s and was given up; it is tried again"
    return StalledError("LoginTimedOut", message, hint="run the plugin by hand to see what it waits for")


async def _output_of(*command: str, env: Mapping[str, str]) -> str:
    """What an exec plugin prints. kr8s's own function leaves the children of a plugin that hangs."""
    done = await trio.run_process(
        command,
        stdin=subprocess.DEVNULL,
        capture_stdout=True,
        capture_stderr=True,
        check=False,
        deliver_cancel=end_group,
        start_new_session=True,
        env=env,
    )
    if done.returncode:
        complaint = done.stderr.decode(errors="replace").strip()[-COMPLAINT_LENGTH:]
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {complaint}")
    return done.stdout.decode()


kr8s._auth.check_output = _output_of  # type: ignore[attr-defined]


def _remove_temporary(auth: KubeAuth) -> None:
    """Only what kr8s wrote, which it tells nowhere else: a file that the kubeconfig names is the user's."""
    user, cluster = auth._user, auth._cluster
    written = (
        ("client-key-data" in user, auth.client_key_file),
        ("client-certificate-data" in user, auth.client_cert_file),
        ("certificate-authority-data" in cluster, auth.server_ca_file),
    )
    for temporary, file in written:
        if temporary and file:
            Path(file).unlink(missing_ok=True)

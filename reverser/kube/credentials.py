"""How to log in to an API server, by kr8s: kubeconfig, in-cluster token, exec plugin, certificate.

kr8s is used for this and nothing else (docs/decisions/0001). The temporary key files that it
leaves behind at each login are removed once they are loaded, and its errors become ours.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from pathlib import Path
from typing import Any

import kr8s.asyncio

from reverser.errors import StalledError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Credentials:
    """Where the API server is, and what it wants to see; made by `load`."""

    def __init__(self, auth: Any, verify: ssl.SSLContext | bool) -> None:
        self._auth = auth
        self.verify = verify
        """What `httpx` takes as `verify`: a context with our certificate and its authority."""

    @property
    def server(self) -> str:
        """The API server's URL."""
        return str(self._auth.server).rstrip("/")

    @property
    def token(self) -> str:
        """A bearer token; empty when the client certificate is all there is."""
        return str(self._auth.token or "")

    @property
    def proxy(self) -> str | None:
        """The kubeconfig's `proxy-url`."""
        return str(self._auth.proxy) if self._auth.proxy else None

    @property
    def tls_server_name(self) -> str:
        """The name to ask and check the certificate for, when it differs from the URL's."""
        return str(self._auth.tls_server_name or "")

    async def refresh(self) -> None:
        """Read tokens anew, or run the exec plugin again. Raises StalledError."""
        try:
            await self._auth.reauthenticate()
            self.verify = await self._auth.ssl_context()
        except Exception as error:  # kr8s raises whatever a kubeconfig can provoke
            raise _unusable(error) from error
        _remove_temporary(self._auth)


async def load(kubeconfig: str, context: str) -> Credentials:
    """Credentials from a kubeconfig; empty: in-cluster, else $KUBECONFIG, else ~/.kube/config.

    Raises StalledError when there are none, or they cannot be read.
    """
    path = _path(kubeconfig)
    try:
        api = await kr8s.asyncio.api(kubeconfig=path, context=context or None)
    except Exception as error:
        raise _unusable(error) from error
    credentials = Credentials(api.auth, True)
    await credentials.refresh()
    return credentials


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
    hint = "name a kubeconfig and a context of it under [[clusters]], or set KUBECONFIG"
    return StalledError("CredentialsUnusable", f"no usable Kubernetes credentials: {error}", hint=hint)


def _remove_temporary(auth: Any) -> None:
    temporary = Path(tempfile.gettempdir())
    for file in (auth.client_key_file, auth.client_cert_file, auth.server_ca_file):
        if file and Path(file).parent == temporary and Path(file).name.startswith("tmp"):
            Path(file).unlink(missing_ok=True)

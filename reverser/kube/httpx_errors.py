"""httpx's errors become ours: nothing of httpx leaves this package."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import trio

from reverser.kube.errors import Garbled, Silent, Unreachable

CAUSES = 10


@contextmanager
def translated() -> Iterator[None]:
    """httpx's errors become ours, in words for a person."""
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise Unreachable("the API server does not answer (connection timed out)") from error
    except (httpx.ReadTimeout, trio.TooSlowError) as error:
        raise Silent("the API server has gone silent") from error
    except httpx.DecodingError as error:
        raise Garbled("the API server's answer cannot be decompressed") from error
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        text, untrusted = _words(error)
        hint = "check the certificate authority in the kubeconfig" if untrusted else ""
        raise Unreachable(f"the API server cannot be reached: {text}", hint=hint) from error


def _words(error: BaseException) -> tuple[str, bool]:
    """What happened, and whether it was a certificate: httpx wraps the reason in up to four errors."""
    chain, link = list[BaseException](), error.__context__
    while link is not None and len(chain) < CAUSES:
        chain.append(link)
        link = link.__cause__ or link.__context__
    untrusted = [link for link in chain if isinstance(link, ssl.SSLCertVerificationError)]
    texts = [str(link) for link in (*untrusted, error, *chain) if str(link)]
    return (texts or [type(error).__name__])[0], bool(untrusted)

"""What the reader of custom resources meets, as log lines and conditions: once a change of state.

All of it is about the subject `custom-resources/CLUSTER`: CRDs that are not installed, missing rights, or
an API server that does not answer. None of it makes the process unready: what stands in the file goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog
import trio

from reverser.custom_resources.api_types import GROUP, VERSION
from reverser.custom_resources.seed_beside import SeedInstallation
from reverser.errors import ReverserError, TransientError
from reverser.health import Health
from reverser.kube.errors import Faulty, Forbidden, NotFound, Rejected, Stuck, Unauthorized
from reverser.model.change import Stream
from reverser.model.resource import ResourceType

log = structlog.get_logger()

INSTALLED, CONNECTION, NAMESPACES, BESIDE = "installed", "connection", "namespaces", "beside"
REVIEWS = "reviews"
"""Steps of the condition; each stream is one besides."""
FAILURES_REPORTED = 3
"""Failures in a row after which trouble becomes a condition, whatever the error."""


def later(versions: Iterable[str]) -> tuple[str, ...]:
    """Versions of our group that are not ours: a later release of GitOps Reverser has them."""
    return tuple(sorted({*versions} - {VERSION}))


def install_hint(versions: Iterable[str]) -> str:
    """How to install the kinds that are missing, where the group has these versions."""
    if not later(versions):
        return "kubectl apply --server-side -k config/crd installs them"
    return (
        f"CRDs of a later release of GitOps Reverser are there ({', '.join(later(versions))}), both cannot "
        'be in one cluster: docs/upgrading.md, "CRDs of a later release", says how to change over'
    )


class ReaderReports:
    """Implements `kube.stream_health.Reports` for the reader of one cluster's custom resources."""

    def __init__(self, cluster: str, health: Health) -> None:
        self._subject = f"custom-resources/{cluster}"
        self._cluster = cluster
        self._health = health
        self._in_a_row: Counter[str] = Counter()
        self._beside: SeedInstallation | None = None
        self.missing: Sequence[str] | None = None
        """Plurals of the kinds that are not served; None: not known yet."""
        self.stale = trio.Event()
        """Set when what discovery answered last is out of date."""

    @contextmanager
    def discovering(self) -> Iterator[None]:
        """Discovery that fails is tried again; only a login that fails for good ends the connection."""
        try:
            yield
        except Unauthorized:
            raise
        except TransientError as error:
            self._in_a_row[CONNECTION] += 1
            if self._in_a_row[CONNECTION] >= FAILURES_REPORTED:
                self.unreachable(error)
        else:
            self._in_a_row.pop(CONNECTION, None)
            self.reached()

    def installed(self, missing: Sequence[str], versions: Sequence[str]) -> None:
        """Discovery answered: which kinds are not served, and which versions our group has."""
        if missing == self.missing:
            return
        self.missing = missing
        if not missing:
            self._health.recovered(self._subject, step=INSTALLED)
            log.info("custom resources are read", cluster=self._cluster)
            return
        others = f"; the cluster serves {GROUP}/{', '.join(versions)}" if versions else ""
        names = ", ".join(f"{plural}.{GROUP}" for plural in missing)
        message = f"not installed in version {VERSION}: {names}{others}"
        hint = f"{install_hint(versions)}; they are waited for"
        log.warning("custom resources are not installed", cluster=self._cluster, missing=names, hint=hint)
        self._health.stalled(self._subject, "NotInstalled", f"{message} ({hint})", step=INSTALLED)

    def connected(self, server: str, version: str) -> None:
        """Reported by the cluster's observer."""

    def reached(self) -> None:
        """The API server answers."""
        self._health.recovered(self._subject, step=CONNECTION)

    def unreachable(self, error: ReverserError) -> None:
        self._health.failed(self._subject, error, "ApiServerUnreachable", step=CONNECTION)

    def discovered(self, types: Sequence[ResourceType], degraded: Mapping[str, str]) -> None:
        """Reported by the cluster's observer."""

    def watching(self, streams: Sequence[Stream]) -> None:
        """Always the same ones."""

    def listed(self, stream: Stream, objects: int) -> None:
        log.debug("listed custom resources", cluster=self._cluster, type=stream.type.name, objects=objects)

    def restarted(self, stream: Stream, reason: str) -> None:
        log.debug("watch restarts", stream=stream.id, reason=reason)

    def failed(self, stream: Stream, error: ReverserError) -> None:
        self._in_a_row[stream.id] += 1
        if isinstance(error, NotFound):
            self.stale.set()
            return
        at_once = isinstance(error, Forbidden | Faulty | Rejected | Stuck)
        if at_once or self._in_a_row[stream.id] >= FAILURES_REPORTED:
            self._report(stream.id, error, _right(stream))

    def recovered(self, stream: Stream) -> None:
        self._in_a_row.pop(stream.id, None)
        self._health.recovered(self._subject, step=stream.id)

    def started_over(self, stream: Stream | None, why: str) -> None:
        """Reported by the cluster's observer; everything is listed again."""

    def namespace(self, namespace: str, error: ReverserError | None) -> None:
        """One namespace was read on its own, or could not be."""
        step = f"{NAMESPACES}/{namespace}"
        if error is None:
            self._health.recovered(self._subject, step=step)
        elif isinstance(error, Forbidden):
            self._report(step, error, f"--verb=get,watch --resource=namespaces --resource-name={namespace}")

    def reviews(self, error: str) -> None:
        """Why nobody tells what service accounts may read; "" once somebody does."""
        if error:
            self._health.stalled(self._subject, "AccessReviewsFailed", error, step=REVIEWS)
        else:
            self._health.recovered(self._subject, step=REVIEWS)

    def beside(self, seed: SeedInstallation | None) -> None:
        """Whether GitOps Reverser runs in the same cluster."""
        if seed is None:
            self._health.recovered(self._subject, step=BESIDE)
        elif seed != self._beside:
            log.warning("GitOps Reverser runs beside this process", message=seed.message, hint=seed.hint)
            self._health.stalled(self._subject, "SeedRunning", f"{seed.message} ({seed.hint})", step=BESIDE)
        self._beside = seed

    def _report(self, step: str, error: ReverserError, right: str) -> None:
        if not isinstance(error, Forbidden):
            self._health.failed(self._subject, error, type(error).__name__, step=step)
            return
        hint = f"allow it: kubectl create clusterrole reverser-custom-resources {right}"
        self._health.stalled(self._subject, "Forbidden", f"{error.message} ({hint})", step=step)


def _right(stream: Stream) -> str:
    return f"--verb=get,list,watch --resource={stream.type.name}"

"""What the `[webhook]` and `[identities]` tables must fulfil."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reverser.config.problems import show
from reverser.config.value_formats import check_host, check_path_secret, split_secret_name
from reverser.identity.author import check_author, pattern
from reverser.model.fact import FACT_SECONDS

if TYPE_CHECKING:
    from reverser.config.listeners import Webhook, WebhookTls
    from reverser.config.problems import Report
    from reverser.config.schema import Config
    from reverser.identity.author import Identities, IdentityRule

GRACE_MOST = int(FACT_SECONDS / 2)
"""Half of the time for which facts are held."""


def check_webhook(webhook: Webhook, report: Report) -> None:
    """Report what is wrong with the listener; its address is looked at with all addresses."""
    if webhook.max_body_bytes < 1:
        report.add("webhook.max_body_bytes", f"must be 1 or more bytes, not {webhook.max_body_bytes}")
    secret = webhook.path_secret
    if secret is not None and secret.value:
        try:
            check_path_secret(secret.value)
        except ValueError as error:
            report.add("webhook.path_secret", str(error), "make one with: openssl rand -hex 32")
    _check_tls(webhook.tls, report)


def check_audit(config: Config, report: Report) -> None:
    """Report limits that are none, and an audit webhook without a certificate."""
    audit = config.audit
    if audit.max_body_bytes < 1:
        report.add("audit.max_body_bytes", f"must be 1 or more bytes, not {audit.max_body_bytes}")
    if not 0 <= audit.grace_seconds <= GRACE_MOST:
        report.add("audit.grace_seconds", f"must be 0 to {GRACE_MOST} seconds, not {audit.grace_seconds}")
    if config.webhook is None and audit != type(audit)():
        report.add("audit", "needs the table [webhook]", "its certificate serves both: add [webhook]")


def check_identities(identities: Identities, report: Report) -> None:
    """Report patterns and authors that are none, and a mailmap that cannot be read."""
    for index, rule in enumerate(identities.rules):
        _check_rule(rule, f"identities.rules[{index}]", report)
    if identities.mailmap:
        try:
            Path(identities.mailmap).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            report.add("identities.mailmap", f"{show(identities.mailmap)} cannot be read: {reason}")


def _check_tls(tls: WebhookTls, report: Report) -> None:
    if tls.mode == "self-managed":
        for key in ("certificate", "key"):
            if getattr(tls, key):
                report.add(f"webhook.tls.{key}", 'is only for mode = "files"', 'set mode = "files"')
        _check_own(tls, report)
        return
    for key in ("names", "secret"):
        if getattr(tls, key):
            report.add(f"webhook.tls.{key}", 'is only for mode = "self-managed"', "leave it out")
    for key in ("certificate", "key"):
        if not getattr(tls, key) and not report.faulty(f"webhook.tls.{key}"):
            report.add(f"webhook.tls.{key}", 'is missing, and mode = "files" needs it', "name a PEM file")


def _check_own(tls: WebhookTls, report: Report) -> None:
    for index, name in enumerate(tls.names):
        try:
            check_host(name)
        except ValueError:
            message = f"must be a DNS name or an address, not {show(name)}"
            report.add(f"webhook.tls.names[{index}]", message, "without scheme and port")
    if tls.secret:
        try:
            split_secret_name(tls.secret)
        except ValueError as error:
            report.add(
                "webhook.tls.secret", f"{error}, not {show(tls.secret)}", "for example reverser/webhook"
            )


def _check_rule(rule: IdentityRule, path: str, report: Report) -> None:
    checks = [
        ("author", check_author, rule.author),
        ("user", pattern, rule.user),
        ("group", pattern, rule.group),
    ]
    if rule.extra and "=" not in rule.extra:
        report.add(f"{path}.extra", f"must be key=pattern, not {show(rule.extra)}")
    for key, check, value in [*checks, ("extra", pattern, rule.extra.partition("=")[2])]:
        if report.faulty(f"{path}.{key}"):
            continue
        try:
            check(value)
        except ValueError as error:
            report.add(f"{path}.{key}", f"{show(value)}: {error}")

"""cert-manager describes a certificate in the annotations of its Secret."""

from __future__ import annotations

from reverser_operators.rule import Made, Strip

_TYPES = "https://github.com/cert-manager/cert-manager/blob/0f74d7536e2cd195f5811c451fb37adedff82a16/pkg/apis/certmanager/v1/types.go"
_CERTIFICATES = "https://github.com/cert-manager/cert-manager/blob/29d3e3346c8f69471779e7440b941f3edb13f4e2/internal/controller/certificates/certificates.go"

MANAGERS = ("cert-manager*",)
"""One name for each of its controllers."""
STRIP = (
    Strip(
        source=(_TYPES, _CERTIFICATES),
        why="what is in the certificate, and who issued it",
        resources=("secrets",),
        when="cert-manager.io/certificate-name",
        annotations=(
            "cert-manager.io/certificate-name",
            "cert-manager.io/common-name",
            "cert-manager.io/alt-names",
            "cert-manager.io/ip-sans",
            "cert-manager.io/uri-sans",
            "cert-manager.io/email-sans",
            "cert-manager.io/subject-*",
            "cert-manager.io/issuer-name",
            "cert-manager.io/issuer-kind",
            "cert-manager.io/issuer-group",
        ),
        labels=("controller.cert-manager.io/fao",),
    ),
)
MADE = (
    Made(
        source=_TYPES,
        reason="it holds a private key that cert-manager is about to use",
        resources=("secrets",),
        when="cert-manager.io/next-private-key=true",
    ),
)

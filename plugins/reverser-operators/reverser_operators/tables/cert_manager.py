"""cert-manager describes a certificate in the annotations of its Secret."""

from __future__ import annotations

from reverser_operators.rule import Generated, Strip

_TYPES = "https://github.com/cert-manager/cert-manager/blob/0f74d7536e2cd195f5811c451fb37adedff82a16/pkg/apis/certmanager/v1/types.go"
_ANNOTATIONS = "https://github.com/cert-manager/cert-manager/blob/9c9e833c5aaaa27c9d294a894c22f76f3337238f/internal/controller/certificates/secrets.go"
_SECRETS = "https://github.com/cert-manager/cert-manager/blob/5d046ee23e7c988d3ea671189af98b00fed6ee23/pkg/controller/certificates/issuing/internal/secret.go"
_NEXT_KEY = "https://github.com/cert-manager/cert-manager/blob/01a107f800efd477b1cf497aef51ccdd9e509476/pkg/controller/certificates/keymanager/keymanager_controller.go"

MANAGERS = ("cert-manager*",)
"""One name for each of its controllers."""
STRIP = (
    Strip(
        source=(_TYPES, _ANNOTATIONS, _SECRETS),
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
GENERATED = (
    Generated(
        source=(_TYPES, _NEXT_KEY),
        reason="it holds a private key that cert-manager is about to use",
        resources=("secrets",),
        when="cert-manager.io/next-private-key=true",
    ),
)

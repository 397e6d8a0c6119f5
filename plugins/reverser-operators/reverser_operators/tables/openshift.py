"""OpenShift allocates ids, host names and certificates, and injects bundles of authorities."""

from __future__ import annotations

from reverser_operators.rule import Generated, Strip

_SERVING = tuple(
    f"service.{stage}.openshift.io/serving-cert-{name}"
    for stage in ("alpha", "beta")
    for name in ("signed-by", "generation-error", "generation-error-num")
)

MANAGERS = (
    "openshift-*",
    "*openshift.io/*",
    "cluster-policy-controller",
    "cluster-network-operator",
    "network-operator",
    "service-ca*",
    "namespace-security-allocation-controller",
    "pod-security-admission-label-synchronization-controller",
)
"""Its API server, controllers and operators."""
STRIP = (
    Strip(
        source=(
            "https://github.com/openshift/api/blob/69525ea9a3e8e89e350c483b66a2ec17d3eda2ad/security/v1/consts.go",
            "https://github.com/openshift/cluster-policy-controller/blob/0dd6d54c963e83e687e827b52c9fefe5baa83f48/pkg/security/controller/namespace_scc_allocation_controller.go",
        ),
        why="ids that were allocated for the namespace",
        resources=("namespaces",),
        annotations=(
            "openshift.io/sa.scc.uid-range",
            "openshift.io/sa.scc.supplemental-groups",
            "openshift.io/sa.scc.mcs",
        ),
    ),
    Strip(
        source="https://github.com/openshift/enhancements/blob/2aabd1b6bc6bed4160968f8d9688b937d63c37da/enhancements/authentication/pod-security-admission-enforcement.md",
        why="what the label syncer has made of the policies that the namespace's users may use",
        resources=("namespaces",),
        annotations=("security.openshift.io/MinimallySufficientPodSecurityStandard",),
    ),
    Strip(
        source="https://github.com/openshift/library-go/blob/0c62e2597c52a1093f3a42a4e729f11dd453a304/pkg/route/hostassignment/assignment.go",
        why="a host name that was generated, and is nobody's since: who edits it leaves the annotation there",
        resources=("routes.route.openshift.io",),
        when="openshift.io/host.generated=true",
        annotations=("openshift.io/host.generated",),
        fields=("spec.host",),
        only="{name}-{namespace}.*",
    ),
    Strip(
        source="https://github.com/openshift/service-ca-operator/blob/4dc611973bf88c4bd112e3c91cc25cd90d7b5453/pkg/controller/api/api.go",
        why="who signed the certificate of the service, or why that failed",
        resources=("services",),
        annotations=_SERVING,
    ),
    Strip(
        source=(
            "https://github.com/openshift/service-ca-operator/blob/4dc611973bf88c4bd112e3c91cc25cd90d7b5453/pkg/controller/api/api.go",
            "https://github.com/openshift/service-ca-operator/blob/f1dc62ad19bfade9e7887b7151199a0538402bff/pkg/controller/cabundleinjector/configmap.go",
        ),
        why="the authority's certificate, injected",
        resources=("configmaps",),
        when="service.beta.openshift.io/inject-cabundle=true",
        fields=("data['service-ca.crt']",),
    ),
    Strip(
        source="https://docs.openshift.com/aro/4/networking/configuring-a-custom-pki.html",
        why="the cluster's bundle of authorities, injected",
        resources=("configmaps",),
        when="config.openshift.io/inject-trusted-cabundle=true",
        fields=("data['ca-bundle.crt']",),
    ),
    Strip(
        source="https://github.com/openshift/openshift-controller-manager/blob/8bfd46ac3f1899fa9f6a1028e4f84dc635d288f8/pkg/internalregistry/controllers/annotations.go",
        why="the generated pull secret of the internal registry",
        resources=("serviceaccounts",),
        annotations=("openshift.io/internal-registry-pull-secret-ref",),
    ),
    Strip(
        source="https://github.com/openshift/api/blob/51da05958f6873fd342358a1c234d03a88ebb9ba/build/v1/types.go",
        why="the image that was built from last",
        resources=("buildconfigs.build.openshift.io",),
        fields=("spec.triggers[*].imageChange.lastTriggeredImageID",),
        atomic=True,
    ),
    Strip(
        source="https://github.com/openshift/api/blob/fc7deb0d5735b431e91425bbf5b56b5d1c874459/apps/v1/types.go",
        why="the image that was rolled out last",
        resources=("deploymentconfigs.apps.openshift.io",),
        fields=("spec.triggers[*].imageChangeParams.lastTriggeredImage",),
        atomic=True,
    ),
)
GENERATED = (
    Generated(
        source="https://github.com/openshift/service-ca-operator/blob/4dc611973bf88c4bd112e3c91cc25cd90d7b5453/pkg/controller/api/api.go",
        reason="the service CA made it for a Service",
        resources=("secrets",),
        when="service.beta.openshift.io/originating-service-name",
    ),
)

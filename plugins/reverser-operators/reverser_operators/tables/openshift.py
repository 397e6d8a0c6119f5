"""OpenShift allocates ids, host names and certificates, and injects bundles of authorities."""

from __future__ import annotations

from reverser_operators.rule import Made, Strip

_SERVING = tuple(
    f"service.{stage}.openshift.io/serving-cert-{name}"
    for stage in ("alpha", "beta")
    for name in ("signed-by", "generation-error", "generation-error-num")
)

STRIP = (
    Strip(
        source="openshift/api security/v1/consts.go",
        why="ids that were allocated for the namespace",
        resources=("namespaces",),
        annotations=(
            "openshift.io/sa.scc.uid-range",
            "openshift.io/sa.scc.supplemental-groups",
            "openshift.io/sa.scc.mcs",
            "security.openshift.io/MinimallySufficientPodSecurityStandard",
        ),
    ),
    Strip(
        source="openshift/library-go pkg/route/hostassignment/assignment.go",
        why="a host name that was generated; one that somebody wrote has no such annotation",
        resources=("routes.route.openshift.io",),
        when="openshift.io/host.generated=true",
        annotations=("openshift.io/host.generated",),
        fields=("spec.host",),
    ),
    Strip(
        source="openshift/service-ca-operator pkg/controller/api/api.go",
        why="who signed the certificate of the service, or why that failed",
        resources=("services",),
        annotations=_SERVING,
    ),
    Strip(
        source="openshift/service-ca-operator pkg/controller/api/api.go",
        why="the authority's certificate, injected",
        resources=("configmaps",),
        when="service.beta.openshift.io/inject-cabundle=true",
        fields=("data['service-ca.crt']",),
    ),
    Strip(
        source="openshift/cluster-network-operator pkg/names/names.go",
        why="the cluster's bundle of authorities, injected",
        resources=("configmaps",),
        when="config.openshift.io/inject-trusted-cabundle=true",
        fields=("data['ca-bundle.crt']",),
    ),
    Strip(
        source="openshift/openshift-controller-manager pkg/internalregistry/controllers/annotations.go",
        why="the generated pull secret of the internal registry",
        resources=("serviceaccounts",),
        annotations=("openshift.io/internal-registry-pull-secret-ref",),
    ),
    Strip(
        source="openshift/api build/v1/types.go",
        why="the image that was built from last",
        resources=("buildconfigs.build.openshift.io",),
        fields=("spec.triggers[*].imageChange.lastTriggeredImageID",),
        atomic=True,
    ),
    Strip(
        source="openshift/api apps/v1/types.go",
        why="the image that was rolled out last",
        resources=("deploymentconfigs.apps.openshift.io",),
        fields=("spec.triggers[*].imageChangeParams.lastTriggeredImage",),
        atomic=True,
    ),
)
MADE = (
    Made(
        source="openshift/service-ca-operator pkg/controller/api/api.go",
        reason="the service CA made it for a Service",
        resources=("secrets",),
        when="service.beta.openshift.io/originating-service-name",
    ),
)

"""The names of Kubernetes' own types, which are the same in every cluster."""

from __future__ import annotations

from reverser.model.resource import ResourceType

SHORT_NAMES: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "componentstatuses"): ("cs",),
    ("", "configmaps"): ("cm",),
    ("", "endpoints"): ("ep",),
    ("", "events"): ("ev",),
    ("", "limitranges"): ("limits",),
    ("", "namespaces"): ("ns",),
    ("", "nodes"): ("no",),
    ("", "persistentvolumeclaims"): ("pvc",),
    ("", "persistentvolumes"): ("pv",),
    ("", "pods"): ("po",),
    ("", "replicationcontrollers"): ("rc",),
    ("", "resourcequotas"): ("quota",),
    ("", "serviceaccounts"): ("sa",),
    ("", "services"): ("svc",),
    ("apiextensions.k8s.io", "customresourcedefinitions"): ("crd", "crds"),
    ("apps", "daemonsets"): ("ds",),
    ("apps", "deployments"): ("deploy",),
    ("apps", "replicasets"): ("rs",),
    ("apps", "statefulsets"): ("sts",),
    ("autoscaling", "horizontalpodautoscalers"): ("hpa",),
    ("batch", "cronjobs"): ("cj",),
    ("certificates.k8s.io", "certificatesigningrequests"): ("csr",),
    ("events.k8s.io", "events"): ("ev",),
    ("networking.k8s.io", "ingresses"): ("ing",),
    ("networking.k8s.io", "ipaddresses"): ("ip",),
    ("networking.k8s.io", "networkpolicies"): ("netpol",),
    ("policy", "poddisruptionbudgets"): ("pdb",),
    ("scheduling.k8s.io", "priorityclasses"): ("pc",),
    ("storage.k8s.io", "storageclasses"): ("sc",),
    ("storage.k8s.io", "volumeattributesclasses"): ("vac",),
}

SINGULARS: dict[str, dict[str, str]] = {
    "": {
        "bindings": "binding",
        "componentstatuses": "componentstatus",
        "configmaps": "configmap",
        "endpoints": "endpoints",
        "events": "event",
        "limitranges": "limitrange",
        "namespaces": "namespace",
        "nodes": "node",
        "persistentvolumeclaims": "persistentvolumeclaim",
        "persistentvolumes": "persistentvolume",
        "pods": "pod",
        "podtemplates": "podtemplate",
        "replicationcontrollers": "replicationcontroller",
        "resourcequotas": "resourcequota",
        "secrets": "secret",
        "serviceaccounts": "serviceaccount",
        "services": "service",
    },
    "admissionregistration.k8s.io": {
        "mutatingadmissionpolicies": "mutatingadmissionpolicy",
        "mutatingadmissionpolicybindings": "mutatingadmissionpolicybinding",
        "mutatingwebhookconfigurations": "mutatingwebhookconfiguration",
        "validatingadmissionpolicies": "validatingadmissionpolicy",
        "validatingadmissionpolicybindings": "validatingadmissionpolicybinding",
        "validatingwebhookconfigurations": "validatingwebhookconfiguration",
    },
    "apiextensions.k8s.io": {
        "customresourcedefinitions": "customresourcedefinition",
    },
    "apiregistration.k8s.io": {
        "apiservices": "apiservice",
    },
    "apps": {
        "controllerrevisions": "controllerrevision",
        "daemonsets": "daemonset",
        "deployments": "deployment",
        "replicasets": "replicaset",
        "statefulsets": "statefulset",
    },
    "autoscaling": {
        "horizontalpodautoscalers": "horizontalpodautoscaler",
    },
    "batch": {
        "cronjobs": "cronjob",
        "jobs": "job",
    },
    "certificates.k8s.io": {
        "certificatesigningrequests": "certificatesigningrequest",
        "clustertrustbundles": "clustertrustbundle",
        "podcertificaterequests": "podcertificaterequest",
    },
    "coordination.k8s.io": {
        "leasecandidates": "leasecandidate",
        "leases": "lease",
    },
    "discovery.k8s.io": {
        "endpointslices": "endpointslice",
    },
    "events.k8s.io": {
        "events": "event",
    },
    "flowcontrol.apiserver.k8s.io": {
        "flowschemas": "flowschema",
        "prioritylevelconfigurations": "prioritylevelconfiguration",
    },
    "networking.k8s.io": {
        "ingressclasses": "ingressclass",
        "ingresses": "ingress",
        "ipaddresses": "ipaddress",
        "networkpolicies": "networkpolicy",
        "servicecidrs": "servicecidr",
    },
    "node.k8s.io": {
        "runtimeclasses": "runtimeclass",
    },
    "policy": {
        "poddisruptionbudgets": "poddisruptionbudget",
    },
    "rbac.authorization.k8s.io": {
        "clusterrolebindings": "clusterrolebinding",
        "clusterroles": "clusterrole",
        "rolebindings": "rolebinding",
        "roles": "role",
    },
    "resource.k8s.io": {
        "deviceclasses": "deviceclass",
        "resourceclaims": "resourceclaim",
        "resourceclaimtemplates": "resourceclaimtemplate",
        "resourceslices": "resourceslice",
    },
    "scheduling.k8s.io": {
        "priorityclasses": "priorityclass",
    },
    "storage.k8s.io": {
        "csidrivers": "csidriver",
        "csinodes": "csinode",
        "csistoragecapacities": "csistoragecapacity",
        "storageclasses": "storageclass",
        "volumeattachments": "volumeattachment",
        "volumeattributesclasses": "volumeattributesclass",
    },
    "storagemigration.k8s.io": {
        "storageversionmigrations": "storageversionmigration",
    },
}
"""Group -> plural -> singular, which is the kind in lower case."""

TYPES = tuple(
    ResourceType(
        group,
        "",
        plural,
        singular,
        namespaced=True,
        short_names=SHORT_NAMES.get((group, plural), ()),
        singular=singular,
    )
    for group, plurals in SINGULARS.items()
    for plural, singular in plurals.items()
)
"""Their names only: neither version nor scope."""

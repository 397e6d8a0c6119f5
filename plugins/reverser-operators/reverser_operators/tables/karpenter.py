"""Karpenter compares nodes with what declared them by hashes."""

from __future__ import annotations

from reverser_operators.rule import Generated, Strip

_CORE = "https://github.com/kubernetes-sigs/karpenter/blob/a9df96c53bc8be7ad1221140304189817ab148c7/pkg/apis/v1/labels.go"

MANAGERS = ("karpenter*",)
"""Its controller."""
STRIP = (
    Strip(
        source=(
            _CORE,
            "https://github.com/kubernetes-sigs/karpenter/blob/07b31ab55da5cb5e25dedb67a30610f7adc077ec/pkg/controllers/nodepool/hash/controller.go",
        ),
        why="a hash of the spec",
        resources=("nodepools.karpenter.sh", "nodeclaims.karpenter.sh"),
        annotations=("karpenter.sh/nodepool-hash", "karpenter.sh/nodepool-hash-version"),
    ),
    Strip(
        source=(
            _CORE,
            "https://github.com/kubernetes-sigs/karpenter/blob/0822440e7ad2af2efaa852657d0235ef240ae3b8/pkg/controllers/nodeclaim/lifecycle/controller.go",
        ),
        why="holds an object until its nodes are gone",
        finalizers=("karpenter.sh/termination",),
    ),
    Strip(
        source=(
            "https://github.com/aws/karpenter-provider-aws/blob/0f1617143dedd87bc9b84a92213329423034283b/pkg/apis/v1/labels.go",
            "https://github.com/aws/karpenter-provider-aws/blob/8b02887f54a23f723f22c8ab31ac6670a11f357e/pkg/controllers/nodeclass/hash/controller.go",
            "https://github.com/aws/karpenter-provider-aws/blob/923b51cc9672f03f1dada454838f7d28f47e433f/pkg/controllers/nodeclass/controller.go",
        ),
        why="a hash of the spec, and what holds it until its instances are gone",
        resources=("ec2nodeclasses.karpenter.k8s.aws",),
        annotations=("karpenter.k8s.aws/ec2nodeclass-hash", "karpenter.k8s.aws/ec2nodeclass-hash-version"),
        finalizers=("karpenter.k8s.aws/termination",),
    ),
)
GENERATED = (
    Generated(
        source=(
            _CORE,
            "https://github.com/kubernetes-sigs/karpenter/blob/f600c307553cd1a5758a8ca57e904c3534ee3f31/pkg/controllers/provisioning/scheduling/nodeclaimtemplate.go",
        ),
        reason="Karpenter made it for a NodePool",
        resources=("nodeclaims.karpenter.sh",),
        when="karpenter.sh/nodepool",
    ),
)

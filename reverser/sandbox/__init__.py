"""An embedded Kubernetes-compatible API for `reverser demo` and tests."""

from reverser.sandbox.faults import Answer, Match
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.sandbox import Sandbox

__all__ = ["Answer", "Match", "Refusal", "Sandbox"]

"""An embedded Kubernetes-compatible API for `reverser demo` and tests, in two halves.

Serving      `app` answers HTTP: discovery, get, list, watch. It needs a `store` and changes nothing.
Writing      `writing` creates, patches, applies, deletes and scales, and asks webhooks before it does.

`sandbox` puts them together.
"""

from reverser.sandbox.faults import Answer, Match
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.sandbox import Sandbox

__all__ = ["Answer", "Match", "Refusal", "Sandbox"]

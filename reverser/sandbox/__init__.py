"""An embedded Kubernetes-compatible API for `reverser demo` and tests, in two halves.

Serving   `app` answers HTTP: discovery, get, list, watch. It needs a `store` and changes nothing.
Writing   `writes` creates, updates, patches, applies, scales and deletes. `registry` says what that means,
          and asks `webhooks` before. There is no dry run, and a list has no pages.

`sandbox` puts them together.
"""

from reverser.sandbox.refusal import Refusal
from reverser.sandbox.sandbox import Sandbox

__all__ = ["Refusal", "Sandbox"]

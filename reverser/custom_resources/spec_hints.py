"""Messages of the daemon about a destination, in the words of a GitRepoConfig.

The daemon's hints name keys of the configuration file. Whoever reads the status of a GitRepoConfig has a spec
and a Secret instead, so these names are replaced.
"""

from __future__ import annotations

import re

_NAMES = (
    (r"set adopt = true for the destination \S+?(?=[;,. )]|$)", "set spec.adopt: true"),
    (r"the destination another path", "the GitRepoConfig another spec.path"),
    (r"the destination's credentials", "the Secret of spec.secretRef"),
    (r"the destination's url", "spec.repoUrl"),
    (r"the destination's branch", "spec.branch"),
    (r"create_branch = true", "spec.createBranch: true"),
    (r"\[destinations\.credentials\]", "the keys of the Secret"),
    (r"the file or variable that the configuration names", "the Secret of spec.secretRef"),
    (r"\bssh_key\b", "ssh-privatekey"),
    (r"\bssh_passphrase\b", "ssh-password"),
)
_PATTERN = re.compile("|".join(f"({pattern})" for pattern, _ in _NAMES))


def in_words_of_spec(message: str) -> str:
    """The message with fields of a GitRepoConfig for keys of the configuration file."""
    return _PATTERN.sub(lambda match: _NAMES[(match.lastindex or 1) - 1][1], message)

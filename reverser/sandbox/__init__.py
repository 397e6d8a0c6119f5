"""An embedded Kubernetes-compatible API for `reverser demo`, tests and fault injection."""

from reverser.sandbox.faults import Answer, CleanClose, ExpiredInStream, Fault, HalfLine, Silence, Vanished
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.sandbox import Sandbox
from reverser.sandbox.script import Match, Rule

__all__ = [
    "Answer",
    "CleanClose",
    "ExpiredInStream",
    "Fault",
    "HalfLine",
    "Match",
    "Refusal",
    "Rule",
    "Sandbox",
    "Silence",
    "Vanished",
]

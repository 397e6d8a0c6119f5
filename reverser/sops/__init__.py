"""The only code that runs `sops`."""

from reverser.sops.program import Program, programs

__all__ = ["Program", "programs"]

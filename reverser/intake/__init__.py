"""The driver from observation to journal: select, sanitize, render, lay out, decide, append."""

from reverser.intake.driver import Intake

__all__ = ["Intake"]

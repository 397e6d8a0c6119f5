"""What a process that has ended knew of a change that waits, beside what is known now.

Facts of audit are durable, those of admission are not: what they told (`asked`) is kept with the
change. Who was asked about after it is forgotten, so audit's word may be that of a request which
only repeated the change: it names nobody whom admission did not leave as the only one.
"""

from __future__ import annotations

from reverser.model.attribution import UNKNOWN, Attribution, Evidence

ADMITTED = (Evidence.ADMISSION, Evidence.ADMISSION_KEY)


def recalled(before: Attribution, now: Attribution) -> Attribution:
    """What admission told before, beside what is known now: only whom both leave is named."""
    earlier, later = _names(before), _names(now)
    if not earlier:
        return now
    if not later:
        return before if before.named or before.evidence is Evidence.AMBIGUOUS else now
    if now.evidence is Evidence.AUDIT and later == earlier:
        return now
    if before.evidence in ADMITTED and earlier <= later:
        return before
    candidates = tuple(sorted(earlier | later))
    return Attribution(UNKNOWN, Evidence.AMBIGUOUS, manager=now.manager, candidates=candidates)


def _names(attribution: Attribution) -> frozenset[str]:
    return frozenset([attribution.actor.name] if attribution.named else attribution.candidates)

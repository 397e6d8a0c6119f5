"""What a process that has ended knew of a change that waits, beside what is known now.

Facts of audit are durable, those of admission are not: what they told is kept with the change.
"""

from __future__ import annotations

from reverser.model.attribution import UNKNOWN, Attribution, Evidence

ADMITTED = (Evidence.ADMISSION, Evidence.ADMISSION_KEY)


def recalled(before: Attribution, now: Attribution) -> Attribution:
    """Both together, as if the facts behind `before` were still there: only whom both leave is named."""
    earlier, later = _names(before), _names(now)
    if not later:
        return before if earlier else now
    if not earlier or before.evidence is Evidence.AUDIT_COLLECTION:
        return now
    if now.evidence is Evidence.AUDIT and later <= earlier:
        return now
    if before.evidence in ADMITTED and earlier <= later:
        return before
    candidates = tuple(sorted(earlier | later))
    return Attribution(UNKNOWN, Evidence.AMBIGUOUS, manager=now.manager, candidates=candidates)


def _names(attribution: Attribution) -> frozenset[str]:
    return frozenset([attribution.actor.name] if attribution.named else attribution.candidates)

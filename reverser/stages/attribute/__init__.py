"""Changes and facts in, attributions out: who made a change, and on what evidence.

A fact is what a webhook told about one request; a subject is one persisted write as the watch shows
it. They are joined by the object's uid and its versions, never by name and time. The promise is
that nobody is named who did not do it: what the facts leave open is said to be open.

`subject` and `facts` are the two sides, `admission` and `audit` join them, `support` keeps rivals
in sight, `cause` follows cascades, `verdict` weighs it all.
"""

from reverser.stages.attribute.facts import Facts, admissible
from reverser.stages.attribute.subject import Subject
from reverser.stages.attribute.verdict import RECHECK_SECONDS, attribute, settled

__all__ = ["RECHECK_SECONDS", "Facts", "Subject", "admissible", "attribute", "settled"]

"""Bodies of the audit webhook in, facts out; pure, and never stopped by a single bad event.

`batch` cuts a body into events, `event` reads one, `write` says what it tells, `reading` does all of
it for one body. A line of an audit log is one event, too: `decode_event`, `fact`, `stored_object`.
"""

from reverser.stages.audit.event import Event, decode_event, stored_object
from reverser.stages.audit.reading import Problem, Reading, read_events
from reverser.stages.audit.write import fact

__all__ = ["Event", "Problem", "Reading", "decode_event", "fact", "read_events", "stored_object"]

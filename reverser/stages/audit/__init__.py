"""Bodies of the audit webhook in, facts out; pure, and never stopped by a single bad event.

`batch` cuts a body into events, `event` reads one, `write` says what it tells, `reading` does all of
it for one body. A line of an audit log is one event, too: `decode_event`, `fact`, `stored_object`.
"""

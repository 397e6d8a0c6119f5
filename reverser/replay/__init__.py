"""Audit logs in, the history of a branch out.

`log_file` and `log_merge` read the logs, `event_writes` makes a `write` of an event and its
`request_bodies`, `resource_types` knows what the log tells of types, `order` puts the writes of several
logs in order, `known_writes` tells what is known already, `reconstruct` makes the object that a write
left behind, `intake` hands it to the journal, and `run` does all of it.
"""

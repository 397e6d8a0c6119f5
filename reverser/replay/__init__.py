"""Turns audit logs into the history of a branch.

`log_file` and `log_merge` read the logs, `order` sorts the writes of several logs, and `event_writes` makes
`write`s of an event, with `resource_types` for their types. `known_writes` skips those that were replayed
already, `reconstruct` makes the object after a write, `missing_writes` finds writes without an event,
`intake` journals the result, and `run` does all of it.
"""

"""Who made a change, and on what evidence: facts of webhooks in, attributions out.

A fact is what a webhook told about one request; a subject is one persisted write as the watch shows
it. They are joined by the object's uid and its versions, never by name and time. The promise is
that nobody is named who did not do it: what the facts leave open is said to be open.

`admission_review` and `audit_body` read what the webhooks get and make facts of it; `fact_store` and
`fact_index` keep them, `version_tracker` the versions of each object. `by_admission` and `by_audit` join
facts to a change, `noop_requests` and `candidates` keep rivals in sight, `cascade` follows deletions,
`missing_events` finds what speaks against a lone event, and `resolve` weighs it all. `attributor` is the
door for the intake, `pending` the entries that wait, `corrections` what is learned too late.
"""

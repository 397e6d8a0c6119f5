"""Who made a change, and on what evidence.

A fact is what a webhook received about one request; a subject is one persisted write as the watch shows it.
They are joined by the object's uid and its versions, never by name and time. Nobody is named who did not do
it: where the facts leave several actors possible, the author is `unknown` and they are its candidates.

`admission_review` and `audit_body` turn what the webhooks receive into facts; `fact_store` and `fact_index`
hold them, `version_tracker` the versions of each object. `by_admission` and `by_audit` join facts to a
change, `missing_events` finds signs that another writer's event is lost, `cascade` finds the deletion that
caused one, and `resolve` decides. The intake calls `attributor`; `pending` holds the entries that wait for
audit, and `corrections` compares late facts with commits.
"""

"""Changes and facts in, attributions out: who made a change, and on what evidence.

A fact is what a webhook told about one request; a subject is one persisted write as the watch shows
it. They are joined by the object's uid and its versions, never by name and time. The promise is
that nobody is named who did not do it: what the facts leave open is said to be open.

`model.subject` and `facts` are the two sides, `admission` and `audit` join them, `repeated` and
`support` keep rivals in sight, `cause` follows cascades, `telling` finds the changes of a fact,
`verdict` weighs it all, `recalled` beside what was known before.
"""

"""The only maker of documents: objects in, sanitized documents out.

A deny-list with rules per kind, never an allow-list of fields. Pure, and it fails closed: an
object that does not have the shape a rule expects is withheld, never half sanitized. `document` is
the door. The tables of rules are data: `excluded_types`, `generated_objects`, `defaults`,
and the names in `metadata`.
"""

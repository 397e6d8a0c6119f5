"""Brings the journal of today back to the tables of an earlier format."""

BEFORE_FORMAT_7 = """
DROP INDEX facts_by_age;
ALTER TABLE facts RENAME TO evidence;
ALTER TABLE settings RENAME TO facts;
CREATE INDEX evidence_by_age ON evidence (arrived_at);
"""

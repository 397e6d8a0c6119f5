"""The driver from observation to journal: select, sanitize, render, lay out, decide, append."""

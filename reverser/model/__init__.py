"""Plain data that every layer shares: no I/O, no clock, no trio. One noun a module."""

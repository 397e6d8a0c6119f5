"""The law of sanitizing: what `tests/e2e/test_law.py` checks, on which objects and by which ways."""

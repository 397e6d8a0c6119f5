"""Measurements, printed with the environment and as ratios to the goals: `make bench`.

Never a part of the test run: no test asserts a time.
"""

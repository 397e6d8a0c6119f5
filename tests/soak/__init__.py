"""`make soak`: everything at a time, for a while, on a real API server. See `__main__`."""

"""Pure functions and machines without I/O: `now` is an argument, nothing here waits or reads."""

"""The composition root: builds objects from a `Config`, owns the task tree and the order of shutdown."""

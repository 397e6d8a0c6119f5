"""Where the file of an object stands in the repository. Pure."""

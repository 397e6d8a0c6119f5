"""The driver from journal to remote: window, message, commit, push, acknowledge."""

"""The driver from journal to remote: window, message, commit, push, acknowledge."""

from reverser.writer.driver import Writer
from reverser.writer.folder import FolderWriter
from reverser.writer.observe import ObservingWriter

__all__ = ["FolderWriter", "ObservingWriter", "Writer"]

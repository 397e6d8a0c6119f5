"""The only code that runs git: one bare repository a destination, and its remote branch."""

"""The only code that runs `sops`."""

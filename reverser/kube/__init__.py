"""The only code that speaks to an API server: credentials, client, discovery, watches."""

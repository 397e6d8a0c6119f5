"""The only code that listens: hypercorn on trio, raw ASGI, HTTP/1.1 only."""

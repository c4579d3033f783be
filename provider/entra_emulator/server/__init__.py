"""The server on loopback: the pipeline of a request, host names, TLS."""

"""HTTP as values: a request with its ids, a response, a body that is read within limits."""

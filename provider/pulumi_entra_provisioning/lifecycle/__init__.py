"""The steps of an authorization's life, in plain Python values."""

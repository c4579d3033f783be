"""One tenant: its directory and its synchronization service. Knows no HTTP."""

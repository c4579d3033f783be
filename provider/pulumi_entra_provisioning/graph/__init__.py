"""Microsoft Graph: its operations, its answers and when a call is repeated."""

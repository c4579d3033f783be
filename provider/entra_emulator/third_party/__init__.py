"""The application that users are provisioned into: its OAuth authorization server."""

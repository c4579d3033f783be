"""The Pulumi engine, as the process that it started sees it."""

"""Microsoft Graph: permissions, bodies, queries, errors and routes."""

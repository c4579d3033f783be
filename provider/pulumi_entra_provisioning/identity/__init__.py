"""The caller of Microsoft Graph: its settings, national cloud, identity and access token."""

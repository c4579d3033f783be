"""Who calls Microsoft Graph, in which national cloud, and with which token."""

"""Microsoft Entra: the token endpoint, the issuers of workloads, managed identities."""

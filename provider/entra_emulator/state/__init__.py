"""What a tenant consists of, in memory and in its state file."""

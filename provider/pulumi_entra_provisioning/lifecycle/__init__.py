"""What happens to an authorization in each step of its life, in plain Python values."""

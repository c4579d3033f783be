"""What people write for the emulator, as YAML or JSON, read strictly."""

"""What goes wrong on purpose: scripted faults, replication lag, throttling."""

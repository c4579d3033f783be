"""Starts the provider plugin where Pulumi installs it from this repository."""

from pulumi_entra_provisioning.plugin import main

main()

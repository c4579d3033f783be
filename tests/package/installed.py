"""With only the wheel installed, the tests import the wheel."""

from __future__ import annotations

import sys
from pathlib import Path

import entra_emulator
import pulumi_entra_provisioning


def test_the_tests_import_the_installed_packages() -> None:
    for package in (pulumi_entra_provisioning, entra_emulator):
        (folder,) = package.__path__
        assert Path(folder).parent.name == "site-packages"
        assert Path(folder).is_relative_to(sys.prefix)

"""Which package the tests import, where only the wheel is in reach: that one."""

from __future__ import annotations

import sys
from pathlib import Path

import entra_emulator
import pulumi_entra_provisioning


def test_what_is_tested_is_what_is_installed() -> None:
    for package in (pulumi_entra_provisioning, entra_emulator):
        (folder,) = package.__path__
        assert Path(folder).parent.name == "site-packages"
        assert Path(folder).is_relative_to(sys.prefix)

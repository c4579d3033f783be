"""The SDKs are those that the generator writes now. It is in Go."""

from __future__ import annotations

import filecmp
import shutil
import subprocess
from pathlib import Path

import pytest
from support.stack import REPOSITORY

SCHEMA = REPOSITORY / "provider/pulumi_entra_provisioning/schema.json"

pytestmark = pytest.mark.languages


def committed() -> list[str]:
    listed = subprocess.check_output(["git", "ls-files", "sdk"], cwd=REPOSITORY, text=True)
    return sorted(name.removeprefix("sdk/") for name in listed.splitlines())


@pytest.mark.skipif(not shutil.which("go"), reason="install go")
def test_the_sdks_are_what_make_sdks_writes(tmp_path: Path) -> None:
    command = ["go", "run", ".", str(SCHEMA), str(tmp_path)]
    subprocess.run(command, cwd=REPOSITORY / "tools/sdks", check=True, capture_output=True)
    files = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(map(str, files)) == committed(), "run `make sdks`"
    _, differing, unreadable = filecmp.cmpfiles(
        tmp_path, REPOSITORY / "sdk", committed(), shallow=False
    )
    assert (differing, unreadable) == ([], []), "run `make sdks`"

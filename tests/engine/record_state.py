"""Record the state of this version, once a release, for later versions to replay.

After `make check`, run `PYTHONPATH=tests .venv/bin/python tests/engine/record_state.py` in the
repository.
"""

from __future__ import annotations

import json
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from entra_emulator import Emulator
from support.stack import BEARER, PREAMBLE, REPOSITORY, Stack


def main() -> None:
    """Write `tests/engine/states/<version>.json`."""
    with tempfile.TemporaryDirectory() as folder, Emulator() as emulator:
        stack = Stack(Path(folder) / "project", emulator.environment)
        stack.program(PREAMBLE + BEARER)
        stack.configure_secret(token="t0ken")
        stack.up()
        state = _without_places(stack.exported())
    path = REPOSITORY / "tests/engine/states" / f"{version('pulumi-entra-provisioning')}.json"
    path.write_text(json.dumps(state, indent=2) + "\n")


def _without_places(value: Any) -> Any:
    """`value` without the paths of the machine that it was recorded on."""
    if isinstance(value, dict):
        places = ("sourcePosition", "stackTrace")
        return {key: _without_places(item) for key, item in value.items() if key not in places}
    if isinstance(value, list):
        return [_without_places(item) for item in value]
    return value


if __name__ == "__main__":
    main()

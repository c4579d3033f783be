"""The plugin's schema: made from the sources, and valid for the CLI."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from pulumi_entra_provisioning.graph.secret_keys import KEYS
from pulumi_entra_provisioning.identity.lookup import SETTINGS
from pulumi_entra_provisioning.lifecycle.inputs import INPUTS
from pulumi_entra_provisioning.properties import OUTPUTS
from pulumi_entra_provisioning.wire import camel_case
from support.stack import REPOSITORY, cli_environment

FILE = REPOSITORY / "provider/pulumi_entra_provisioning/schema.json"
SCHEMA: dict[str, Any] = json.loads(FILE.read_text())
AUTHORIZATION = SCHEMA["resources"]["entra-provisioning:index:ProvisioningAuthorization"]


def test_the_schema_is_what_make_schema_writes() -> None:
    command = [sys.executable, str(REPOSITORY / "tools/schema.py")]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert made == FILE.read_text(), "run `make schema`"


def test_the_cli_accepts_the_schema_of_the_plugin(tmp_path: Path) -> None:
    def shown(*arguments: str) -> str:
        finished = subprocess.run(
            ["pulumi", *arguments],
            cwd=tmp_path,
            env=cli_environment(tmp_path),
            capture_output=True,
            text=True,
            check=True,
        )
        assert finished.stderr == ""
        return finished.stdout

    plugin = Path(sys.executable).with_name("pulumi-resource-entra-provisioning")
    # The CLI leaves out what is empty.
    assert (
        json.loads(shown("package", "get-schema", str(plugin)))["resources"] == SCHEMA["resources"]
    )
    assert shown("schema", "check", str(FILE)) == ""


def test_the_schema_has_every_input_output_key_and_setting() -> None:
    assert set(AUTHORIZATION["inputProperties"]) == set(map(camel_case, INPUTS))
    kept_in_the_state = {"credentialsDigest", "usedCodes"}
    outputs = set(map(camel_case, OUTPUTS)) - kept_in_the_state
    read_back = {"applicationId", "servicePrincipalId", "restartJob"}
    assert set(AUTHORIZATION["properties"]) == outputs | read_back
    keys = SCHEMA["types"]["entra-provisioning:index:Credentials"]["properties"]
    # Not an application's: the default of Graph's enumeration.
    assert set(keys) == KEYS - {"None"}
    assert list(SCHEMA["config"]["variables"]) == list(SETTINGS)
    assert SCHEMA["provider"]["inputProperties"] == SCHEMA["config"]["variables"]


def test_what_is_secret_is_marked() -> None:
    inputs = AUTHORIZATION["inputProperties"]
    assert [name for name, declared in inputs.items() if declared.get("secret")] == ["credentials"]
    settings = SCHEMA["config"]["variables"]
    secret = {name for name, setting in SETTINGS.items() if setting.secret}
    assert {name for name, declared in settings.items() if declared.get("secret")} == secret


def test_every_description_is_for_every_language() -> None:
    text = FILE.read_text()
    assert "pulumi.Output" not in text
    assert "from_environment" not in text
    described = [*AUTHORIZATION["inputProperties"].values(), *AUTHORIZATION["properties"].values()]
    described += SCHEMA["config"]["variables"].values()
    assert [declared for declared in described if not declared["description"]] == []

"""A stack whose program declares the resource of the provider plugin, as every language does."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.stack import Stack

TYPE = "entra-provisioning:index:ProvisioningAuthorization"

# The dynamic resource's names and no more than a generated SDK has: programs run with either.
PREAMBLE = f"""\
import pulumi
from pulumi import ResourceOptions
from pulumi_entra_provisioning.properties import PYTHON_NAMES, WIRE_NAMES

config = pulumi.Config()

class ProvisioningAuthorization(pulumi.CustomResource):
    def __init__(self, name, opts=None, **inputs):
        if "credentials" in inputs:
            inputs["credentials"] = pulumi.Output.secret(inputs["credentials"])
        super().__init__("{TYPE}", name, {{**dict.fromkeys(WIRE_NAMES), **inputs}}, opts)

    @staticmethod
    def get(name, id):
        return ProvisioningAuthorization(name, ResourceOptions(id=id))

    def translate_input_property(self, prop):
        return WIRE_NAMES.get(prop, prop)

    def translate_output_property(self, prop):
        return PYTHON_NAMES.get(prop, prop)

def invoke(function, **arguments):
    return pulumi.runtime.invoke("entra-provisioning:index:" + function, arguments).value
"""

PROJECT = f"""\
name: tested
runtime: python
plugins:
  providers:
    - name: entra-provisioning
      path: {Path(sys.executable).parent}
"""


class NativeStack(Stack):
    """A stack with the provider plugin of this environment."""

    command = "pulumi-resource-entra-provisioning"
    preamble = PREAMBLE

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        super().__init__(folder, environment)
        (folder / "Pulumi.yaml").write_text(PROJECT)


BOTH_FRONT_ENDS = pytest.mark.parametrize(
    "front_end", [Stack, NativeStack], ids=["dynamic resource", "plugin"]
)

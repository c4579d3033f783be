"""The SDKs in sdk/ have what the schema has, read without the toolchains of their languages.

`make languages` also generates them again and compares them.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import tree_sitter_c_sharp
from support.stack import REPOSITORY
from tree_sitter import Language, Parser

SDK = REPOSITORY / "sdk"
FILE = REPOSITORY / "provider/pulumi_entra_provisioning/schema.json"
SCHEMA: dict[str, Any] = json.loads(FILE.read_text())
KEYS = set(SCHEMA["types"]["entra-provisioning:index:Credentials"]["properties"])
RESOURCE = "entra-provisioning:index:ProvisioningAuthorization"
(ALIAS,) = SCHEMA["resources"][RESOURCE]["aliases"]
JAVA_BASE = SCHEMA["language"]["java"]["basePackage"].replace(".", "/")
JAVA = f"java/src/main/java/{JAVA_BASE}/entraprovisioning"
GO = "go/entraprovisioning"
PYTHON = "python/pulumi_entra_provisioning_native"
DOTNET = f"dotnet/{SCHEMA['language']['csharp']['rootNamespace']}.EntraProvisioning.csproj"


def test_the_sdks_are_of_this_schema() -> None:
    checksum = hashlib.sha256(FILE.read_bytes()).hexdigest()
    assert (SDK / "schema.sha256").read_text().strip() == checksum, "run `make sdks`"


@pytest.mark.parametrize(
    ("file", "version"),
    [
        ("nodejs/package.json", r'"version": "(.*)"'),
        ("python/pyproject.toml", r'^  version = "(.*)"'),
        (f"{PYTHON}/pulumi-plugin.json", r'"version": "(.*)"'),
        (f"{GO}/pulumi-plugin.json", r'"version": "(.*)"'),
        ("java/pom.xml", r"</artifactId>\n  <version>(.*)</version>"),
        (f"java/src/main/resources/{JAVA_BASE}/entra-provisioning/version.txt", r"\A(.*)\Z"),
        (DOTNET, r"<Version>(.*)</Version>"),
    ],
)
def test_an_sdk_has_the_version_of_the_schema(file: str, version: str) -> None:
    found = set(re.findall(version, (SDK / file).read_text(), re.MULTILINE))
    assert found == {SCHEMA["version"]}


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("nodejs/types/input.ts", r"^    (\w+)\?: pulumi.Input<string \| inputs\.FromEnv"),
        (
            f"{PYTHON}/_inputs.py",
            r'@pulumi\.getter\(name="(\w+)"\)\n.* Optional\[pulumi\.Input\[Union\[_builtins\.str, ',
        ),
        (f"{GO}/pulumiTypes.go", r"^\t\w+ +pulumi\.Input +`pulumi:\"([A-Z]\w+)\"`"),
        (f"{JAVA}/inputs/CredentialsArgs.java", r'@Import\(name="(\w+)"\)'),
        ("dotnet/Inputs/CredentialsArgs.cs", r'\[Input\("(\w+)"\)\]'),
    ],
)
def test_an_sdk_has_every_key_of_graph(file: str, key: str) -> None:
    assert set(re.findall(key, (SDK / file).read_text(), re.MULTILINE)) == KEYS


@pytest.mark.parametrize(
    "file",
    [
        "nodejs/provisioningAuthorization.ts",
        f"{PYTHON}/provisioning_authorization.py",
        f"{GO}/provisioningAuthorization.go",
        f"{JAVA}/ProvisioningAuthorization.java",
        "dotnet/ProvisioningAuthorization.cs",
    ],
)
def test_a_resource_of_an_sdk_has_the_alias_of_the_dynamic_resource(file: str) -> None:
    text = (SDK / file).read_text()
    assert f'"{ALIAS["type"]}"' in text
    assert RESOURCE in text


@pytest.mark.parametrize(
    "path",
    [*sorted(SDK.glob("dotnet/**/*.cs")), REPOSITORY / "examples/languages/csharp/Program.cs"],
    ids=lambda path: str(path.relative_to(REPOSITORY)),
)
def test_the_csharp_code_has_no_syntax_error(path: Path) -> None:
    parser = Parser(Language(tree_sitter_c_sharp.language()))
    assert not parser.parse(path.read_bytes()).root_node.has_error


def test_the_csharp_example_names_the_sdk() -> None:
    project = REPOSITORY / "examples/languages/csharp/directory.csproj"
    (reference,) = ElementTree.parse(project).iter("ProjectReference")
    assert (project.parent / reference.attrib["Include"]).resolve() == SDK / DOTNET
    used = re.findall(r"Entra\.(?:Inputs\.)?(\w+)", (project.parent / "Program.cs").read_text())
    declared = {path.stem for path in SDK.glob("dotnet/**/*.cs")}
    assert set(used) <= declared

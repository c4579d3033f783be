"""The fixtures of the pytest plugin, in a pytest process of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.emulator_clients import PLANTED

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]


def test_each_test_gets_a_tenant_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os, ssl, urllib.request

        def use(emulator):
            trust = ssl.create_default_context(cafile=emulator.ca_file)
            with urllib.request.urlopen(f"{emulator.url}/health", context=trust) as answer:
                assert answer.status == 200
            assert len(emulator.tenant.objects("applications")) == 1
            emulator.tenant.create_application("Fabrikam")

        def test_one(entra_emulator):
            before = dict(os.environ)
            use(entra_emulator)
            assert os.environ.get("ENTRA_PROVISIONING_GRAPH_ENDPOINT") is None
            assert os.environ == before

        def test_another(entra_emulator):
            use(entra_emulator)
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_only_a_test_with_the_fixture_gets_the_environment(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARM_CLIENT_SECRET", PLANTED)
    monkeypatch.setenv("AZURE_CLIENT_ID", "mine")
    pytester.makepyfile(
        """
        import os

        def test_one(entra_emulator_environment, entra_emulator):
            assert entra_emulator_environment == entra_emulator.environment
            assert os.environ["ENTRA_PROVISIONING_GRAPH_ENDPOINT"] == entra_emulator.url
            assert entra_emulator.environment.items() <= os.environ.items()
            assert "ARM_CLIENT_SECRET" not in os.environ

        def test_another():
            assert os.environ["AZURE_CLIENT_ID"] == "mine"
            assert "ARM_CLIENT_SECRET" in os.environ
            assert "ENTRA_PROVISIONING_GRAPH_ENDPOINT" not in os.environ
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_the_fixtures_are_documented(pytester: pytest.Pytester) -> None:
    shown = pytester.runpytest_subprocess("--fixtures").stdout
    shown.fnmatch_lines(["entra_emulator -- *", "entra_emulator_environment -- *"])


def test_a_missing_extra_is_named(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys; sys.modules['uvicorn'] = None")
    pytester.makepyfile("def test_one(entra_emulator): pass")
    ran = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(["*uvicorn is missing: install pulumi-entra-provisioning?emulator?"])


def test_the_plugin_imports_nothing_of_the_emulator() -> None:
    program = (
        "import sys, entra_emulator.pytest_plugin\n"
        "heavy = 'starlette uvicorn trustme jwt jinja2 yaml cryptography msgraph httpx'.split()\n"
        "print(*{*heavy}"
        " & set(sys.modules))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert shown.stdout == "\n"

"""`make live`: what it needs, what it asks, what it says, what it leaves behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from uuid import uuid4

import pytest
from entra_emulator import Assumptions, Emulator, Fault
from entra_emulator.third_party.authorization_server import (
    DEFAULT_THIRD_PARTY_CLIENT_ID,
    DEFAULT_THIRD_PARTY_CLIENT_SECRET,
)
from live.experiments import BEARER, EXPERIMENTS, NO_FACTS, assumptions, experiment
from live.place import emulated
from support.stack import REPOSITORY

UNPERMITTED_ID = str(uuid4())
UNPERMITTED_SECRET = "planted-unpermitted-secret"


def live(**settings: str) -> subprocess.CompletedProcess[str]:
    """Run the recipe of `make live` with only these settings."""
    recipe = re.search(r"^live:.*\n\t(.*)$", (REPOSITORY / "Makefile").read_text(), re.M)
    assert recipe
    environment = {
        n: v for n, v in os.environ.items() if not n.startswith(("ENTRA_LIVE", "PYTEST"))
    }
    return subprocess.run(
        [*recipe[1].split(), "-p", "no:cacheprovider"],
        cwd=REPOSITORY,
        env=environment | {f"ENTRA_LIVE_{name}": value for name, value in settings.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def tenant() -> Iterator[Emulator]:
    """An emulator as the real tenant, with two assumptions changed."""
    differing = Assumptions(unknown_key=(400, "Request_BadRequest"), token_lifetime=4200)
    with Emulator(assumptions=differing) as emulator:
        emulator.tenant.register_client(UNPERMITTED_ID, secrets=[UNPERMITTED_SECRET])
        yield emulator


def settings_of(tenant: Emulator) -> dict[str, str]:
    party = tenant.tenant.third_party
    return {
        "TENANT_ID": tenant.environment["AZURE_TENANT_ID"],
        "CLIENT_ID": tenant.environment["AZURE_CLIENT_ID"],
        "CLIENT_SECRET": tenant.environment["AZURE_CLIENT_SECRET"],
        "GRAPH_ENDPOINT": tenant.url,
        "AUTHORITY_HOST": tenant.url,
        "CA_FILE": tenant.ca_file,
        "PAUSE_SECONDS": "0",
        "UNPERMITTED_CLIENT_ID": UNPERMITTED_ID,
        "UNPERMITTED_CLIENT_SECRET": UNPERMITTED_SECRET,
        "SCIM_ADDRESS": party.scim_url,
        "SCIM_TOKEN_EXCHANGE_URI": party.token_url,
        "SCIM_CLIENT_ID": DEFAULT_THIRD_PARTY_CLIENT_ID,
        "SCIM_CLIENT_SECRET": DEFAULT_THIRD_PARTY_CLIENT_SECRET,
    }


def test_every_assumption_of_the_emulator_has_one_live_test() -> None:
    settled = [name for item in EXPERIMENTS for name in item.others]
    assert sorted(settled) == sorted(assumptions())
    assert {*NO_FACTS} <= {item.name for item in fields(Assumptions)}


@pytest.mark.parametrize("name", assumptions())
def test_a_live_test_runs_with_a_value_that_is_not_the_default(name: str) -> None:
    assert experiment(name).other(name) != getattr(Assumptions(), name)


def test_without_settings_every_live_test_is_skipped_and_names_them() -> None:
    finished = live()
    assert finished.returncode == 0, finished.stdout
    assert re.search(r"^=+ \d+ skipped in", finished.stdout, re.M)
    assert (
        "needs a tenant: set ENTRA_LIVE_TENANT_ID, ENTRA_LIVE_CLIENT_ID, "
        "ENTRA_LIVE_CLIENT_SECRET or ENTRA_LIVE_CLIENT_CERTIFICATE_PATH" in finished.stdout
    )


def test_an_unknown_cloud_is_named() -> None:
    known = {"TENANT_ID": "a", "CLIENT_ID": "b", "CLIENT_SECRET": "c"}
    shown = live(**known, ENVIRONMENT="moon").stdout
    assert "set ENTRA_LIVE_ENVIRONMENT to one of global, usgovernmentl4" in shown


def test_settings_without_live_send_nothing(
    tenant: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings_of(tenant).items():
        monkeypatch.setenv(f"ENTRA_LIVE_{name}", value)
    command = [sys.executable, "-m", "pytest", "-q", "tests/live", "-k", "put_merges"]
    subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL, timeout=300)
    assert tenant.journal.select("*", "*") == []


def test_make_live_checks_every_assumption_and_leaves_the_tenant_unchanged(
    tenant: Emulator,
) -> None:
    before = {kind: tenant.tenant.objects(kind) for kind in ("applications", "servicePrincipals")}
    finished = live(**settings_of(tenant))
    shown = finished.stdout
    wrong = "Assumptions(unknown_key=(400, 'Request_BadRequest'))"
    assert f"unknown_key is wrong: Graph's is {wrong}" in shown
    assert "put_merges is a fact: Assumptions(put_merges=True)" in shown
    assert re.search(r"^  PUT /\S+/secrets \(SecretToken\) → 204$", shown, re.M)
    assert re.search(r"^  GET /\S+/secrets → 200 BaseAddress as sent, SecretToken \*$", shown, re.M)
    assert "missing_synchronization_permission is a fact" in shown
    assert "client_credentials_are_exchanged is a fact" in shown
    # Entra's are between 60 and 90 minutes, which the emulator's has to be.
    assert "expires_in 4200" in shown
    assert "token_lifetime is a fact" in shown
    assert re.search(r"SKIPPED.*needs an OAuth application of the gallery.*OAUTH_CODE", shown)
    assert re.search(r"SKIPPED.*ENTRA_LIVE_QUARANTINE_SECONDS", shown)
    failed = re.findall(r"^FAILED (\S+)", shown, re.M)
    assert [name.partition("[")[2] for name in failed] == ["unknown_key]"], shown
    after = {kind: tenant.tenant.objects(kind) for kind in ("applications", "servicePrincipals")}
    assert after == before
    assert DEFAULT_THIRD_PARTY_CLIENT_SECRET not in shown
    for secret in (UNPERMITTED_SECRET, "a-bearer-token-of-this-test", "emulator-secret", "eyJ"):
        assert secret not in shown


def test_the_transcript_masks_a_credential_that_graph_repeats(emulator: Emulator) -> None:
    token = BEARER["SecretToken"]
    emulator.faults.add(Fault(path="*/secrets", method="PUT", status=400, message=f"No '{token}'."))
    place = emulated(emulator, Assumptions())
    place.put(place.new_target(), BEARER)
    place.close()
    assert "400 Request_BadRequest: \"No '***'.\"" in place.transcript[-1]
    assert token not in "".join(place.transcript)

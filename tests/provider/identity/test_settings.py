"""The settings of a run, checked before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from pulumi_entra_provisioning.errors import SettingsError
from support.settings import CERTIFICATE, MANAGED, PIPELINE, REQUEST, SECRET, TOKEN, found, problems


def test_the_endpoints_can_be_overridden_and_keep_the_clouds_name() -> None:
    overrides = {
        "ENTRA_PROVISIONING_GRAPH_ENDPOINT": "https://graph.test:8443/",
        "ENTRA_PROVISIONING_AUTHORITY_HOST": "https://login.test",
    }
    chosen = found({}, {**SECRET, **overrides})
    assert (chosen.graph_endpoint, chosen.authority_host, chosen.cloud) == (
        "https://graph.test:8443",
        "https://login.test",
        "global",
    )
    assert chosen.scope == "https://graph.test:8443/.default"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ARM_ENVIRONMENT", "moon", "environment: unknown cloud. Use one of"),
        (
            "ENTRA_PROVISIONING_GRAPH_ENDPOINT",
            "http://graph.test",
            "graphEndpoint: must be an https",
        ),
        ("ENTRA_PROVISIONING_GRAPH_ENDPOINT", "https://graph.test/v1.0", "graphEndpoint: must be"),
        ("ENTRA_PROVISIONING_AUTHORITY_HOST", "https://u@login.test", "authorityHost: must be"),
        ("ENTRA_PROVISIONING_AUTHORITY_HOST", "https://login.test:x", "authorityHost: must be"),
        ("ENTRA_PROVISIONING_CA_FILE", __file__, "caFile: the file has no PEM certificates"),
        ("ARM_CLIENT_CERTIFICATE", "pl4nted!", "clientCertificate: not Base64"),
        (
            "ARM_CLIENT_SECRET_FILE_PATH",
            "EMPTY",
            "clientSecretFilePath: the file is empty.",
        ),
        (
            "ARM_CLIENT_SECRET_FILE_PATH",
            __file__,
            "clientSecretFilePath: the file holds another value",
        ),
        ("ARM_CLIENT_ID_FILE_PATH", __file__, "clientIdFilePath: the file holds another value"),
        ("ARM_TENANT_ID", "a tenant", "tenantId: must be the tenant's GUID"),
        ("ARM_TENANT_ID", "a_b", "tenantId: must be the tenant's GUID"),
        ("ARM_CLIENT_ID", "abc8Q~pl4nted", "clientId: must be the application (client) id, a GUID"),
        ("ARM_TENANT_ID", "consumers", "tenantId: personal Microsoft accounts cannot"),
        (
            "ARM_TENANT_ID",
            "9188040D-6c67-4c5b-b112-36a304b66dad",
            "tenantId: personal Microsoft accounts cannot authorize provisioning.",
        ),
    ],
)
def test_an_unusable_setting_is_reported_by_name(
    name: str, value: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").write_text(" \n")
    reported = problems({**SECRET, name: value.replace("EMPTY", str(tmp_path / "empty"))})
    assert said in reported
    assert "pl4nted" not in reported


@pytest.mark.parametrize("place", ["azuread:metadataHost", "ARM_METADATA_HOSTNAME"])
def test_metadata_host_alone_is_refused(
    place: str,
) -> None:
    configured = {**SECRET, place: "management.azure.example"}
    with pytest.raises(SettingsError, match="metadataHost: only pulumi-azuread reads it"):
        found(configured, configured)
    configured["entra-provisioning:graphEndpoint"] = "https://graph.example"
    with pytest.raises(SettingsError, match="metadataHost: only pulumi-azuread reads it"):
        found(configured, configured)
    configured["entra-provisioning:authorityHost"] = "https://login.example"
    assert found(configured, configured).graph_endpoint == "https://graph.example"


def test_all_problems_are_reported_at_once() -> None:
    reported = problems({**SECRET, "ARM_ENVIRONMENT": "moon", "ENTRA_PROVISIONING_CA_FILE": "/no"})
    assert "environment: " in reported
    assert "caFile: " in reported


@pytest.mark.parametrize(
    ("configured", "secrets"),
    [
        (SECRET, ("s",)),
        ({**CERTIFICATE, "ARM_CLIENT_CERTIFICATE_PASSWORD": "pw5"}, ("QUJD", "pw5")),
        ({**TOKEN, "ARM_OIDC_TOKEN": "pl4nted"}, ("pl4nted",)),
        ({**PIPELINE, "ARM_OIDC_REQUEST_TOKEN": "pl4nted"}, ("https://r", "pl4nted")),
        ({**REQUEST, "ARM_OIDC_REQUEST_TOKEN": "pl4nted"}, ("https://r", "pl4nted")),
        (MANAGED, ()),
    ],
)
def test_settings_list_their_secrets_and_hide_them_in_repr(
    configured: dict[str, str], secrets: tuple[str, ...]
) -> None:
    chosen = found({}, configured)
    assert chosen.secrets == secrets
    assert not any(f"'{secret}'" in repr(chosen) for secret in secrets)

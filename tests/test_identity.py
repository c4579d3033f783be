from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from pulumi_entra_provisioning.emulator import DEFAULT_CLIENT_ID, Emulator, Fault
from pulumi_entra_provisioning.errors import SettingsError, SignInError
from pulumi_entra_provisioning.identity import CLOUDS, Settings, SharedTokenCredential, settings

COMPLETE = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}


def found(stack: Mapping[str, str], environment: Mapping[str, str]) -> Settings:
    return settings(stack.get, environment)


def problems(environment: Mapping[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        found({}, environment)
    return "\n".join(caught.value.problems)


def test_each_setting_comes_from_the_first_place_that_has_it() -> None:
    places = [
        ("stack", "entra-provisioning:clientId"),
        ("stack", "azuread:clientId"),
        ("environment", "ENTRA_PROVISIONING_CLIENT_ID"),
        ("environment", "ARM_CLIENT_ID"),
        ("environment", "AZURE_CLIENT_ID"),
    ]
    for first in range(len(places)):
        given: dict[str, dict[str, str]] = {"stack": {}, "environment": dict(COMPLETE)}
        del given["environment"]["AZURE_CLIENT_ID"]
        for kind, name in places[first:]:
            given[kind][name] = name
        assert found(given["stack"], given["environment"]).client_id == places[first][1]


def test_stack_configuration_of_pulumi_azuread_is_enough() -> None:
    values = {"azuread:tenantId": "t", "azuread:clientId": "c", "azuread:clientSecret": "s"}
    chosen = found({**values, "azuread:environment": "usgovernment"}, {})
    assert (chosen.tenant_id, chosen.client_id, chosen.client_secret) == ("t", "c", "s")
    assert chosen.cloud == "usgovernmentl4"


@pytest.mark.parametrize(
    ("environment", "authority_host", "graph_endpoint"),
    [
        ("global", "https://login.microsoftonline.com", "https://graph.microsoft.com"),
        ("usgovernmentl4", "https://login.microsoftonline.us", "https://graph.microsoft.us"),
        ("usgovernmentl5", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
        ("china", "https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
    ],
)
def test_a_cloud_has_its_authority_its_endpoint_and_its_scope(
    environment: str, authority_host: str, graph_endpoint: str
) -> None:
    chosen = found({"entra-provisioning:environment": environment}, COMPLETE)
    assert chosen.cloud == environment
    assert chosen.authority_host == authority_host
    assert chosen.graph_endpoint == graph_endpoint
    assert chosen.scope == f"{graph_endpoint}/.default"
    assert environment in CLOUDS


def test_the_endpoints_can_be_overridden_and_keep_the_clouds_name() -> None:
    overrides = {
        "ENTRA_PROVISIONING_GRAPH_ENDPOINT": "https://graph.test:8443/",
        "ENTRA_PROVISIONING_AUTHORITY_HOST": "https://login.test",
    }
    chosen = found({}, {**COMPLETE, **overrides})
    assert (chosen.graph_endpoint, chosen.authority_host, chosen.cloud) == (
        "https://graph.test:8443",
        "https://login.test",
        "global",
    )
    assert chosen.scope == "https://graph.test:8443/.default"


def test_everything_that_is_missing_is_told_at_once_with_its_places() -> None:
    told = problems({})
    assert "tenantId: not set. Set it by `pulumi config set entra-provisioning:tenantId" in told
    assert "clientId: not set." in told
    assert "clientSecret: not set, nor is clientCertificatePath." in told
    assert "`pulumi config set --secret entra-provisioning:clientSecret" in told
    assert "azuread:clientSecret" in told
    for variable in (
        "ENTRA_PROVISIONING_CLIENT_SECRET",
        "ARM_CLIENT_SECRET",
        "AZURE_CLIENT_SECRET",
    ):
        assert variable in told


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ARM_ENVIRONMENT", "moon", "environment: not a cloud that is known here; use one of"),
        (
            "ENTRA_PROVISIONING_GRAPH_ENDPOINT",
            "http://graph.test",
            "graphEndpoint: must be an https",
        ),
        ("ENTRA_PROVISIONING_GRAPH_ENDPOINT", "https://graph.test/v1.0", "graphEndpoint: must be"),
        ("ENTRA_PROVISIONING_AUTHORITY_HOST", "https://u@login.test", "authorityHost: must be"),
        ("ENTRA_PROVISIONING_AUTHORITY_HOST", "https://login.test:x", "authorityHost: must be"),
        ("ENTRA_PROVISIONING_CA_FILE", "/no/such/file", "caFile: no PEM bundle"),
        ("ARM_CLIENT_CERTIFICATE_PATH", "/no/such/file", "clientCertificatePath: no such file"),
        ("AZURE_TENANT_ID", "a tenant", "tenantId: must be the tenant's GUID"),
    ],
)
def test_an_unusable_setting_is_told_by_name(name: str, value: str, said: str) -> None:
    assert said in problems({**COMPLETE, name: value})


def test_settings_show_no_secret() -> None:
    values = {
        **COMPLETE,
        "AZURE_CLIENT_SECRET": "pl4nted",
        "ARM_CLIENT_CERTIFICATE_PASSWORD": "pw5",
    }
    chosen = found({}, values)
    assert chosen.secrets == ("pl4nted", "pw5")
    assert "pl4nted" not in repr(chosen)
    assert "pw5" not in repr(chosen)


def token(chosen: Settings) -> str:
    return asyncio.run(SharedTokenCredential(chosen).get_token(chosen.scope)).token


def test_a_client_secret_gives_a_token_and_a_wrong_one_says_what_to_do(emulator: Emulator) -> None:
    assert token(found({}, emulator.environment)).count(".") == 2
    wrong = {**emulator.environment, "AZURE_CLIENT_SECRET": "pl4nted-and-wrong"}
    with pytest.raises(SignInError) as caught:
        token(found({}, wrong))
    told = str(caught.value)
    assert told.startswith(f"getting a token from {emulator.url} for client {DEFAULT_CLIENT_ID}")
    assert "AADSTS7000215: Invalid client secret provided" in told
    assert told.endswith(
        "Set clientSecret to the value, not the id, of a valid secret of this client."
    )
    assert "pl4nted" not in told


def test_an_unknown_client_and_an_unknown_tenant_say_what_to_check(emulator: Emulator) -> None:
    nobody = "99999999-9999-4999-8999-999999999999"
    for name, code in (("AZURE_CLIENT_ID", "AADSTS700016"), ("AZURE_TENANT_ID", "AADSTS90002")):
        with pytest.raises(SignInError, match=code) as caught:
            token(found({}, {**emulator.environment, name: nobody}))
        assert "Check " in str(caught.value)
        assert ("(request-id " in str(caught.value)) == (name == "AZURE_CLIENT_ID")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with a self-made certificate and its key, encrypted with `opens-it`."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pipeline")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "client.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"opens-it"),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def with_certificate(emulator: Emulator, path: Path, password: str) -> Settings:
    return found(
        {},
        {
            **emulator.environment,
            "ARM_CLIENT_CERTIFICATE_PATH": str(path),
            "ARM_CLIENT_CERTIFICATE_PASSWORD": password,
        },
    )


def test_a_certificate_gives_a_token_where_it_is_registered(
    emulator: Emulator, certificate: Path
) -> None:
    with pytest.raises(SignInError, match="AADSTS700027") as caught:
        token(with_certificate(emulator, certificate, "opens-it"))
    assert "Upload the public part of the certificate" in str(caught.value)
    public = certificate.read_text()[certificate.read_text().index("-----BEGIN CERTIFICATE") :]
    emulator.tenant.register_client(DEFAULT_CLIENT_ID, certificates=[public])
    assert token(with_certificate(emulator, certificate, "opens-it")).count(".") == 2


def test_a_certificate_that_can_not_be_opened_is_told_without_its_password(
    emulator: Emulator, certificate: Path
) -> None:
    for password in ("pl4nted-and-wrong", ""):
        with pytest.raises(SettingsError, match="clientCertificatePassword") as caught:
            token(with_certificate(emulator, certificate, password))
        assert "pl4nted" not in str(caught.value)


@pytest.mark.parametrize("name", ["ARM_CLIENT_CERTIFICATE_PATH", "ENTRA_PROVISIONING_CA_FILE"])
def test_a_file_whose_content_is_given_for_its_path_is_told_without_it(name: str) -> None:
    told = problems({**COMPLETE, name: "-----BEGIN PRIVATE KEY-----\n" + "pl4nted" * 200})
    assert "Path: no such file" in told or "caFile: no PEM bundle" in told
    assert "pl4nted" not in told


def test_what_is_no_answer_of_entra_is_told_without_what_it_says(emulator: Emulator) -> None:
    page = Fault(path="*/token", status=403, body="<html>client_secret=pl4nted</html>")
    emulator.faults.add(page)
    with pytest.raises(SignInError, match=r": 403\. Check authorityHost") as caught:
        token(found({}, emulator.environment))
    assert "pl4nted" not in str(caught.value)


def test_calls_at_the_same_time_share_one_token_request(emulator: Emulator) -> None:
    chosen = found({}, emulator.environment)

    async def several() -> set[str]:
        credential = SharedTokenCredential(chosen)
        calls = (credential.get_token(chosen.scope) for _ in range(8))
        return {given.token for given in await asyncio.gather(*calls)}

    assert len(asyncio.run(several())) == 1
    assert len(emulator.journal.select("POST", "*/token")) == 1

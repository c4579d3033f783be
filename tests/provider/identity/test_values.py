"""The values of settings: flags, files and URLs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pulumi_entra_provisioning.identity.identities import ManagedIdentity
from support.settings import CLIENT, OIDC, REQUEST, SECRET, found, problems


@pytest.mark.parametrize("said", ["1", "T", "True", "TRUE", "true"])
def test_a_flag_accepts_every_spelling_that_pulumi_azuread_accepts(said: str) -> None:
    assert found({}, {"ARM_USE_MSI": said}).identity == ManagedIdentity("")


@pytest.mark.parametrize(
    ("others", "name", "setting"),
    [
        ({}, "ARM_CLIENT_ID_FILE_PATH", "clientIdFilePath"),
        ({}, "ARM_CLIENT_SECRET_FILE_PATH", "clientSecretFilePath"),
        ({}, "ARM_CLIENT_CERTIFICATE_PATH", "clientCertificatePath"),
        (OIDC, "ARM_OIDC_TOKEN_FILE_PATH", "oidcTokenFilePath"),
        (
            {**CLIENT, "ARM_USE_AKS_WORKLOAD_IDENTITY": "true"},
            "AZURE_FEDERATED_TOKEN_FILE",
            "oidcTokenFilePath",
        ),
        (CLIENT, "AZURE_FEDERATED_TOKEN_FILE", "AZURE_FEDERATED_TOKEN_FILE"),
        (CLIENT, "AZURE_CLIENT_CERTIFICATE_PATH", "clientCertificatePath"),
        (SECRET, "ENTRA_PROVISIONING_CA_FILE", "caFile"),
    ],
)
def test_an_unreadable_file_fails_at_once(
    others: dict[str, str], name: str, setting: str, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 1 << 40)
    others = {**(others or CLIENT)}
    if name == "ARM_CLIENT_ID_FILE_PATH":
        del others["ARM_CLIENT_ID"]
    for path, reason in (
        (str(tmp_path / "fifo"), "the path is not a regular file"),
        (str(tmp_path), "the path is not a regular file"),
        ("/dev/zero", "the path is not a regular file"),
        (str(tmp_path / "huge"), "the file is larger than 1048576 bytes"),
        ("/no/such/file", "the file cannot be read (No such file or directory)"),
    ):
        reported = problems({**others, name: path})
        assert f"{setting}: {reason}. Give the path of a " in reported
        assert path not in reported


HOSTS = (
    "https://:pw@host",
    "https://u:pw@host",
    "https://@host",
    "https://host#",
    "https://host#x",
    "https://host?",
    "https://host?x",
    "https://ho\nst",
    "https://ho st",
    "https://host\\@other",
    "https://host:",
    "https://host:0",
    "https://host:65536",
    "https://",
    "https:///path",
    "https:host",
    "//host",
    "ftp://host",
    "http://host",
)


@pytest.mark.parametrize("url", HOSTS)
@pytest.mark.parametrize("name", ["graphEndpoint", "authorityHost"])
def test_an_endpoint_must_be_a_host_alone(name: str, url: str) -> None:
    reported = problems(SECRET, {f"entra-provisioning:{name}": url})
    assert reported.startswith(f"{name}: must be an https URL of a host alone, such as https://")
    assert "pw" not in reported


@pytest.mark.parametrize("url", [url for url in HOSTS if "?" not in url])
def test_an_oidc_request_url_must_not_hold_a_password(url: str) -> None:
    reported = problems({**REQUEST, "ARM_OIDC_REQUEST_URL": url})
    assert "oidcRequestUrl: must be an https URL" in reported


@pytest.mark.parametrize(
    "url", ["https://host", "HTTPS://host:8443/", "https://[::1]:1", "https://a-b.c_d.test"]
)
def test_every_form_of_a_host_is_accepted(url: str) -> None:
    assert found({"entra-provisioning:graphEndpoint": url}, SECRET).graph_endpoint == url.rstrip(
        "/"
    )


@pytest.mark.parametrize("name", ["ARM_CLIENT_CERTIFICATE_PATH", "ENTRA_PROVISIONING_CA_FILE"])
def test_file_content_in_place_of_a_path_is_not_shown(name: str) -> None:
    reported = problems({**SECRET, name: "-----BEGIN PRIVATE KEY-----\n" + "pl4nted" * 200})
    assert "the file cannot be read (File name too long)" in reported
    assert "pl4nted" not in reported

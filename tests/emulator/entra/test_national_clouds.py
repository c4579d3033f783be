"""Clients of national clouds, at the clouds' own host names."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from azure.identity import (
    CertificateCredential,
    ClientSecretCredential,
)
from entra_emulator import (
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    DEFAULT_TENANT_ID,
    Emulator,
)
from support.connect_proxy import ConnectProxy
from support.emulator_clients import (
    SECRETS,
    Certificate,
    anonymous,
    claims_of,
)

# National clouds

CLOUDS = {
    "login.microsoftonline.com": "graph.microsoft.com",
    "login.microsoftonline.us": "graph.microsoft.us",
    "login.chinacloudapi.cn": "microsoftgraph.chinacloudapi.cn",
}


@pytest.fixture(scope="module")
def everywhere() -> Iterator[tuple[Emulator, ConnectProxy]]:
    """An emulator with the host names of a cloud, and a proxy that connects to it."""
    hosts = [*CLOUDS, *CLOUDS.values(), "dod-graph.microsoft.us"]
    with Emulator(hosts=hosts) as emulator, ConnectProxy(emulator.url) as proxy:
        yield emulator, proxy


@pytest.mark.parametrize(
    ("authority", "graph"),
    [*CLOUDS.items(), ("login.microsoftonline.us", "dod-graph.microsoft.us")],
)
def test_each_cloud_is_served_under_its_own_hosts(
    everywhere: tuple[Emulator, ConnectProxy], authority: str, graph: str
) -> None:
    emulator, proxy = everywhere
    proxy.asked.clear()
    credential = ClientSecretCredential(
        DEFAULT_TENANT_ID,
        DEFAULT_CLIENT_ID,
        DEFAULT_CLIENT_SECRET,
        authority=authority,
        connection_verify=emulator.ca_file,
        proxies={"https": proxy.url},
    )
    token = credential.get_token(f"https://{graph}/.default").token
    claims = claims_of(token)
    assert claims["aud"] == f"https://{graph}"
    assert claims["iss"] == f"https://{authority}/{DEFAULT_TENANT_ID}/v2.0"
    with httpx.Client(
        base_url=f"https://{graph}",
        proxy=proxy.url,
        verify=ssl.create_default_context(cafile=emulator.ca_file),
        headers={"Authorization": f"Bearer {token}"},
    ) as client:
        assert client.get(SECRETS).status_code == 200
        page = client.get("/v1.0/applicationTemplates", params={"$top": 1}).json()
    assert page["@odata.nextLink"].startswith(f"https://{graph}/")
    assert set(proxy.asked) == {f"{authority}:443", f"{graph}:443"}


def test_a_certificate_assertion_must_name_the_requested_cloud(
    everywhere: tuple[Emulator, ConnectProxy],
) -> None:
    emulator, proxy = everywhere
    certificate, client_id = Certificate(), str(uuid4())
    emulator.tenant.register_client(client_id, certificates=[certificate.pem])
    credential = CertificateCredential(
        DEFAULT_TENANT_ID,
        client_id,
        certificate_data=certificate.pem_with_key,
        authority="login.microsoftonline.us",
        connection_verify=emulator.ca_file,
        proxies={"https": proxy.url},
    )
    assert credential.get_token("https://graph.microsoft.us/.default").token


@pytest.mark.parametrize(
    ("endpoint", "status"),
    [
        ("https://login.microsoftonline.us/common/oauth2/authorize", 200),
        ("https://login.example/common/oauth2/authorize", 400),
        ("https://[", 400),
        ("", 400),
    ],
)
def test_instance_discovery_lists_the_hosts_of_the_emulator(
    everywhere: tuple[Emulator, ConnectProxy], endpoint: str, status: int
) -> None:
    query = {"api-version": "1.1", "authorization_endpoint": endpoint}
    with anonymous(everywhere[0]) as client:
        answer = client.get("/common/discovery/instance", params=query)
    assert answer.status_code == status
    if status == 200:
        (known,) = answer.json()["metadata"]
        assert known["aliases"] == ["login.microsoftonline.us"]
    else:
        assert (answer.json()["error"], answer.json()["error_codes"]) == (
            "invalid_instance",
            [50049],
        )

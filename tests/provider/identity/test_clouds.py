"""The national clouds: their hosts and their scopes."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import pytest
from entra_emulator import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Emulator
from pulumi_entra_provisioning.identity.clouds import CLOUDS, Cloud
from support.connect_proxy import ConnectProxy
from support.settings import SECRET, found
from support.sign_in import Machine, authorized_by


@pytest.mark.parametrize(
    ("names", "authority_host", "graph_endpoint"),
    [
        ("global public", "https://login.microsoftonline.com", "https://graph.microsoft.com"),
        (
            "usgovernmentl4 usgovernment",
            "https://login.microsoftonline.us",
            "https://graph.microsoft.us",
        ),
        (
            "usgovernmentl5 dod",
            "https://login.microsoftonline.us",
            "https://dod-graph.microsoft.us",
        ),
        ("china", "https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
    ],
)
def test_each_cloud_has_its_authority_endpoint_and_scope(
    names: str, authority_host: str, graph_endpoint: str
) -> None:
    for name in names.split():
        chosen = found({"azuread:environment": name.upper()}, SECRET)
        assert chosen.cloud == names.split()[0]
        assert chosen.authority_host == authority_host
        assert chosen.graph_endpoint == graph_endpoint
        assert chosen.scope == f"{graph_endpoint}/.default"


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)
def test_each_cloud_is_called_at_its_own_hosts_and_scope(machine: Machine, cloud: Cloud) -> None:
    hosts = [str(urlsplit(url).hostname) for url in (cloud.authority_host, cloud.graph_endpoint)]
    with Emulator(hosts=hosts) as emulator, ConnectProxy(emulator.url) as proxy:
        machine(
            {
                "HTTPS_PROXY": proxy.url,
                "NO_PROXY": "",
                "no_proxy": "",
                "ENTRA_PROVISIONING_CA_FILE": emulator.ca_file,
                "ARM_TENANT_ID": emulator.tenant.tenant_id,
                "ARM_CLIENT_ID": DEFAULT_CLIENT_ID,
                "ARM_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
                "ARM_ENVIRONMENT": cloud.name,
            }
        )
        assert authorized_by(found({}, os.environ)) == DEFAULT_CLIENT_ID
        assert set(proxy.asked) == {f"{host}:443" for host in hosts}
        (asked,) = emulator.journal.select("POST", "*/token")
        assert asked.body["scope"] == f"{cloud.graph_endpoint}/.default"
        (posted,) = emulator.journal.select("POST", "*/acquireAccessToken")
        assert posted.status == 204

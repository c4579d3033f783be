"""Answers are read up to a limit and decoded."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support.hostile_server import (
    ENDLESS,
    StartHostile,
    Trick,
    bomb,
    graph_and_entra,
    managed_identity,
    pipelines,
)
from support.steps import SECRETS, TARGET, failure, reads

pytestmark = pytest.mark.usefixtures("plain_environment")


READS = """
import asyncio, os
from pulumi_entra_provisioning.errors import ProvisioningError
from pulumi_entra_provisioning.lifecycle.operations import Lifecycle
from pulumi_entra_provisioning.identity.settings import settings

async def read():
    try:
        await Lifecycle(settings(lambda _: None, os.environ), print, print).read("TARGET", None)
    except ProvisioningError as error:
        print(error)

asyncio.run(read())
# Not getrusage: Linux hands the peak of the process that started this one on to it.
peak = open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]
print(int(peak) // 1024)
""".replace("TARGET", TARGET)


VICTIMS = {
    "Graph": (SECRETS, "127.0.0.1", graph_and_entra),
    "Entra": ("/token", "127.0.0.1", graph_and_entra),
    "Azure Pipelines": ("/oidc", "127.0.0.1", pipelines),
    "managed identity": ("/metadata/identity/oauth2/token", "", managed_identity),
}


@pytest.mark.parametrize(
    ("victim", "trick"),
    [
        *((victim, bomb()) for victim in VICTIMS),
        ("Graph", bomb(layers=2)),
        ("Entra", bomb(layers=2)),
        ("Graph", ENDLESS),
        ("Entra", ENDLESS),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value.headers)}-{value.endless}",
)
def test_an_endless_answer_is_cut_off_at_4_mib(
    hostile: StartHostile, victim: str, trick: Trick
) -> None:
    path, name, variables = VICTIMS[victim]
    server = hostile({path: trick}, name)
    finished = subprocess.run(
        [sys.executable, "-c", READS],
        env={"PATH": os.environ["PATH"], **variables(server)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "the answer is larger than 4 MiB. Check " in finished.stdout, finished.stderr
    assert int(finished.stdout.split()[-1]) < 160, "MB of memory"
    assert server.sent < 32 << 20, "bytes that were sent"
    assert len([asked for asked in server.asked if path in asked]) == 1


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, br"])
def test_a_wrong_content_encoding_fails(hostile: StartHostile, encoding: str) -> None:
    trick = Trick(200, (("Content-Encoding", encoding),), b"{}")
    for path in (SECRETS, "/token"):
        reported = str(failure(graph_and_entra(hostile({path: trick})), reads))
        expected = "unknown Content-Encoding" if "br" in encoding else "does not match its Content"
        assert expected in reported

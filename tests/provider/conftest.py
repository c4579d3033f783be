"""Hostile servers, and a process without the machine's network settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.hostile_server import SIGNS_IN, HostileServer, StartHostile, Trick


@pytest.fixture
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset the proxies and certificate authorities of the machine that runs the tests."""
    names = "https_proxy all_proxy no_proxy ssl_cert_file ssl_cert_dir requests_ca_bundle"
    for name in f"{names} curl_ca_bundle".split():
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[StartHostile]:
    started: list[Path] = []
    with ExitStack() as servers:

        def start(tricks: Mapping[str, Trick], name: str = "127.0.0.1") -> HostileServer:
            # A trick wins over what SIGNS_IN has for the same path.
            answers = {**tricks, **SIGNS_IN, **tricks}
            folder = tmp_path / str(len(started))
            folder.mkdir()
            started.append(folder)
            return servers.enter_context(HostileServer(answers, folder, name))

        yield start

"""The server: where it listens, and how it starts and stops."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import httpx
import pytest
from entra_emulator import (
    Emulator,
)
from support.emulator_clients import (
    SECRETS,
    authorized,
)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com", ""])
def test_the_server_listens_only_on_loopback(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        Emulator(host=host)


def test_localhost_is_loopback_too() -> None:
    with Emulator(host="localhost") as emulator, authorized(emulator) as client:
        assert emulator.url.startswith("https://localhost:")
        assert client.get(SECRETS).status_code == 200


def test_the_error_of_a_port_in_use_names_the_port(untouched: Emulator) -> None:
    port = int(untouched.url.rpartition(":")[2])
    with pytest.raises(OSError, match=str(port)), Emulator(port=port):
        pass


def test_the_server_stops_at_once_despite_open_connections(tmp_path: Path) -> None:
    with Emulator() as emulator:
        client = authorized(emulator)
        assert client.get(SECRETS).status_code == 200
        began = time.monotonic()
    assert time.monotonic() - began < 1.5
    assert not os.path.exists(emulator.ca_file)
    with pytest.raises(httpx.TransportError):
        client.get(SECRETS)


def test_no_thread_survives_a_stop() -> None:
    before = set(threading.enumerate())
    with Emulator():
        assert set(threading.enumerate()) - before
    assert set(threading.enumerate()) - before == set()

"""Requests that no client should send: each is refused clearly, and the server lives."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from emulator_clients import ACQUIRE, SECRETS, UNKNOWN_GUID, anonymous, authorized, token_form
from pulumi_entra_provisioning.emulator import Emulator


@pytest.fixture(scope="module")
def untouched() -> Iterator[Emulator]:
    """One emulator for all of them: what one breaks, the others see."""
    with Emulator() as running:
        yield running


@pytest.fixture
def lives(untouched: Emulator) -> Iterator[Emulator]:
    """The emulator, which must answer when the test is done with it."""
    yield untouched
    with anonymous(untouched) as client:
        assert client.get("/health").json() == {"status": "ok"}
    with authorized(untouched) as client:
        assert client.get(SECRETS).status_code == 200


def send(emulator: Emulator, data: bytes, *, tls: bool = True) -> bytes:
    """What comes back for these bytes, until the server closes the connection."""
    address = urlsplit(emulator.url)
    received = b""
    with socket.create_connection((address.hostname, address.port), timeout=10) as plain:
        trust = ssl.create_default_context(cafile=emulator.ca_file)
        connection = trust.wrap_socket(plain, server_hostname=address.hostname) if tls else plain
        with connection:
            try:
                connection.sendall(data)
                while chunk := connection.recv(65536):
                    received += chunk
            except (ConnectionError, ssl.SSLError):
                pass
    return received


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/x\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_a_bad_request(lives: Emulator, data: bytes) -> None:
    assert send(lives, data).startswith(b"HTTP/1.1 400 ")


def test_headers_without_an_end_are_cut_off(lives: Emulator) -> None:
    # The answer is lost where the server closes on a client that is still sending.
    endless = b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n"
    assert send(lives, endless)[:13] in (b"HTTP/1.1 400 ", b"")


def test_what_is_no_tls_gets_nothing(lives: Emulator) -> None:
    assert b"HTTP" not in send(lives, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", tls=False)


def test_a_client_that_leaves_in_the_middle_of_its_body_is_forgotten(lives: Emulator) -> None:
    address = urlsplit(lives.url)
    trust = ssl.create_default_context(cafile=lives.ca_file)
    before = len(lives.journal.calls)
    with socket.create_connection((address.hostname, address.port)) as plain:
        connection = trust.wrap_socket(plain, server_hostname=address.hostname)
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        connection.close()
    assert len(lives.journal.calls) == before


def test_a_path_that_climbs_reads_no_file(lives: Emulator) -> None:
    for path in ("/../../etc/passwd", "/emulator/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"):
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        answer = send(lives, request)
        assert answer.split(b" ")[1] in (b"404", b"501")
        assert b"root:" not in answer


def test_a_tenant_that_is_not_there_is_told_so(lives: Emulator) -> None:
    with anonymous(lives) as client:
        answers = [
            client.post(f"/{UNKNOWN_GUID}/oauth2/v2.0/token", data=token_form(lives)),
            client.get(f"/{UNKNOWN_GUID}/v2.0/.well-known/openid-configuration"),
        ]
    for answer in answers:
        assert answer.status_code == 400
        assert answer.json()["error_codes"] == [90002]


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"advance": NaN}', "application/json", 400),
        (b'{"advance": 1e999}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"advance": 1}', "text/plain", 400),
        (b"advance=1", "application/x-www-form-urlencoded", 400),
        (b"x" * (2 << 20), "application/json", 413),
    ],
)
def test_a_body_that_the_emulators_own_pages_cannot_read_is_refused_in_a_sentence(
    lives: Emulator, content: bytes, content_type: str, status: int
) -> None:
    with anonymous(lives) as client:
        for path in ("/emulator/clock", "/emulator/faults"):
            headers = {"content-type": content_type}
            answer = client.post(path, content=content, headers=headers)
            assert answer.status_code == status
            assert answer.json()["error"].endswith(".")
    assert lives.clock.ahead == 0
    assert lives.faults.pending == []


def test_many_bad_requests_on_one_connection_leave_it_usable(lives: Emulator) -> None:
    with authorized(lives) as client:
        for _ in range(3):
            headers = {"content-type": "application/json"}
            assert client.post(ACQUIRE, content=b"{", headers=headers).status_code == 400
            unknown = client.request("BREW", "/v1.0/coffee")
            assert unknown.status_code == 501
            assert "does not know the path '/v1.0/coffee'" in json.dumps(unknown.json())
            with pytest.raises(httpx.LocalProtocolError):
                client.get("/", headers={"X-Broken": "a\nb"})

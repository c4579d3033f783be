"""Requests that no client should send: each is refused clearly, and the server lives."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from entra_emulator import Emulator, Fault
from support.emulator_clients import (
    ACQUIRE,
    SECRETS,
    UNKNOWN_GUID,
    anonymous,
    authorized,
    token_form,
)


@pytest.fixture
def lives(untouched: Emulator) -> Iterator[Emulator]:
    """The emulator, which must answer when the test is done with it.

    All tests share one: what one breaks, the others see.
    """
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
def test_bytes_that_are_not_http_are_a_bad_request(lives: Emulator, data: bytes) -> None:
    assert send(lives, data).startswith(b"HTTP/1.1 400 ")


def test_endless_headers_are_cut_off(lives: Emulator) -> None:
    # The answer is lost where the server closes on a client that is still sending.
    endless = b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n"
    assert send(lives, endless)[:13] in (b"HTTP/1.1 400 ", b"")


def test_bytes_that_are_not_tls_get_no_answer(lives: Emulator) -> None:
    assert b"HTTP" not in send(lives, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", tls=False)


def test_an_aborted_request_body_leaves_no_trace(lives: Emulator) -> None:
    address = urlsplit(lives.url)
    trust = ssl.create_default_context(cafile=lives.ca_file)
    before = len(lives.journal.calls)
    with socket.create_connection((address.hostname, address.port)) as plain:
        connection = trust.wrap_socket(plain, server_hostname=address.hostname)
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        connection.close()
    assert len(lives.journal.calls) == before


def asked(emulator: Emulator, headers: str, path: str = "/health") -> int:
    """The status for a request of these headers."""
    request = f"GET {path} HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n".encode()
    return int(send(emulator, request).split(b" ")[1])


def test_a_request_to_another_host_name_is_refused_first(
    lives: Emulator,
) -> None:
    port = urlsplit(lives.url).port
    before = len(lives.journal.calls)
    lives.faults.add(Fault(path="*", status=500))
    for path in ("/", "/health", "/emulator/faults", SECRETS):
        for host in ("x", "evil.test", f"evil.test:{port}", "127.0.0.1.evil.test", "", "[::1", "@"):
            assert asked(lives, f"Host: {host}", path) == 421
    body = b'{"advance": 60}'
    posted = send(
        lives,
        b"POST /emulator/clock HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nContent-Length: 15\r\n\r\n" + body,
    )
    assert posted.startswith(b"HTTP/1.1 421 ")
    assert b"answers only to 127.0.0.1, localhost. This request has another Host" in posted
    assert lives.clock.ahead == 0
    assert len(lives.faults.pending) == 1
    lives.faults.clear()
    assert len(lives.journal.calls) == before
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "LOCALHOST", "127.0.0.1"):
        assert asked(lives, f"Host: {host}") == 200


def test_a_request_from_another_web_page_is_refused(lives: Emulator) -> None:
    url = urlsplit(lives.url)
    for origin in (
        "https://evil.test",
        "null",
        "http://localhost",
        f"http://127.0.0.1:{url.port}",
        "https://127.0.0.1:1",
        f"https://evil.test:{url.port}",
        "",
    ):
        assert asked(lives, f"Host: {url.netloc}\r\nOrigin: {origin}") == 403
    for origin in (lives.url, f"https://localhost:{url.port}"):
        assert asked(lives, f"Host: {url.netloc}\r\nOrigin: {origin}") == 200


def test_configured_host_names_are_accepted() -> None:
    name = "graph.microsoft.us"
    with Emulator(hosts=[name]) as emulator:
        for headers in (f"Host: {name}", f"Host: {name}:443", f"Host: {name.upper()}"):
            assert asked(emulator, headers) == 200
            assert asked(emulator, f"{headers}\r\nOrigin: https://{name}") == 200
        assert asked(emulator, "Host: graph.microsoft.com") == 421
    with Emulator(host="::1") as emulator:
        port = urlsplit(emulator.url).port
        for host in (f"[::1]:{port}", "[::1]", f"localhost:{port}"):
            assert asked(emulator, f"Host: {host}") == 200


def test_a_deeply_nested_body_is_refused(
    tmp_path: Path,
) -> None:
    state = tmp_path / "tenant.json"
    headers = {"content-type": "application/json"}
    with Emulator(state=state) as emulator, authorized(emulator) as client:
        for depth, status in ((100, 201), (101, 400), (480, 400), (900, 400), (100_000, 400)):
            below = '{"a":' * (depth - 1) + "1" + "}" * (depth - 1)
            body = '{"displayName": "Deep", "info": ' + below + "}"
            answer = client.post("/v1.0/applications", content=body, headers=headers)
            assert answer.status_code == status, answer.text
            if status == 400:
                assert answer.json()["error"]["code"] == "BadRequest"
                assert "Unable to read JSON request payload" in answer.text
        assert client.post("/v1.0/applications", json={"displayName": "Flat"}).status_code == 201
    with Emulator(state=state) as emulator:
        names = [item["displayName"] for item in emulator.tenant.objects("applications")]
        assert names[1:] == ["Deep", "Flat"]


def test_a_path_with_dots_reads_no_file(lives: Emulator) -> None:
    host = urlsplit(lives.url).netloc
    for path in ("/../../etc/passwd", "/emulator/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"):
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        answer = send(lives, request)
        assert answer.split(b" ")[1] in (b"404", b"501")
        assert b"root:" not in answer


def test_an_unknown_tenant_is_refused(lives: Emulator) -> None:
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
def test_a_malformed_body_for_the_emulators_own_pages_is_refused(
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


def test_a_connection_survives_many_bad_requests(lives: Emulator) -> None:
    with authorized(lives) as client:
        for _ in range(3):
            headers = {"content-type": "application/json"}
            assert client.post(ACQUIRE, content=b"{", headers=headers).status_code == 400
            unknown = client.request("BREW", "/v1.0/coffee")
            assert unknown.status_code == 501
            assert "does not implement the path '/v1.0/coffee'" in json.dumps(unknown.json())
            with pytest.raises(httpx.LocalProtocolError):
                client.get("/", headers={"X-Broken": "a\nb"})

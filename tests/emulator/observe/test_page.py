"""The emulator's own pages: the tenant's page, the health check, and their errors."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from entra_emulator import (
    DEFAULT_APPLICATION_ID,
    DEFAULT_CLIENT_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    DEFAULT_TENANT_ID,
    Emulator,
    Fault,
)
from support.emulator_clients import (
    ACQUIRE,
    PLANTED,
    PRINCIPAL,
    SECRETS,
    TOKEN,
    anonymous,
    authorized,
)

MARKUP = "<script>alert('Fabrikam & co')</script>"


class Page(HTMLParser):
    """The text of each section of a page. Unclosed elements fail the test."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.texts: dict[str, str] = {}
        self._open: list[tuple[str, str | None]] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        if tag not in ("meta", "br"):
            self._open.append((tag, dict(attrs).get("id")))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, id in self._open:
            if id is not None:
                self.texts[id] = self.texts.get(id, "") + data


@pytest.fixture
def client(emulator: Emulator) -> Iterator[httpx.Client]:
    with anonymous(emulator) as client:
        yield client


def used(emulator: Emulator) -> None:
    """A tenant with every kind of object and call."""
    emulator.tenant.create_application(MARKUP)
    headers = {"client-request-id": str(uuid4())}
    emulator.faults.add(Fault(path="*/secrets", status=429, headers={"Retry-After": "60"}))
    emulator.faults.add(Fault(path=f"*{MARKUP}", nth=9, status=503))
    pairs = [{"key": "Oauth2ClientId", "value": PLANTED}, {"key": "Password", "value": PLANTED}]
    with authorized(emulator) as graph:
        for _ in range(2):
            graph.get(SECRETS, headers=headers)
        graph.get(f"/v1.0/{MARKUP}", params={"secret": PLANTED}, headers=headers)
        graph.post(ACQUIRE, json={"credentials": pairs}, headers=headers)
    emulator.tenant.set_job_status(
        DEFAULT_SERVICE_PRINCIPAL_ID, "Quarantine", reason="EncounteredQuarantineException"
    )
    emulator.clock.advance(3600)


def test_a_new_tenants_page_shows_its_objects(client: httpx.Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Page(answer.text)
    assert " ".join(page.texts["authorized"].split()) == "Authorized No authorization yet."
    assert "Contoso Sales" in page.texts["objects"]
    assert DEFAULT_APPLICATION_ID in page.texts["objects"]
    assert "NotConfigured" in page.texts["objects"]
    assert page.texts["calls"].split() == "Calls, latest first No calls yet.".split()
    assert page.texts.keys() == {"authorized", "objects", "calls"}


def test_the_page_shows_the_authorizations_and_the_calls(
    emulator: Emulator, client: httpx.Client
) -> None:
    used(emulator)
    page = Page(client.get("/").text)
    (authorization,) = emulator.tenant.authorizations()
    since = authorization.authorized_at.strftime("%Y-%m-%d %H:%M:%S UTC")
    assert f"since {since}" in page.texts["authorized"]
    assert "Oauth2AccessToken ***" in page.texts["objects"]
    assert "Quarantine" in page.texts["objects"]
    assert "asked for 60 s" in page.texts["judgement"]
    assert "status 503" in page.texts["faults"]
    calls = page.texts["calls"]
    assert calls.index(ACQUIRE) < calls.index(SECRETS) < calls.index(TOKEN)
    assert "keys: Oauth2ClientId, Password" in calls
    assert "scripted: status 429" in calls
    assert f"client {DEFAULT_CLIENT_ID}" in calls


def test_the_page_escapes_foreign_text_and_holds_no_secret(
    emulator: Emulator, client: httpx.Client
) -> None:
    used(emulator)
    answer = client.get("/")
    page = Page(answer.text)
    assert MARKUP in page.texts["objects"]
    assert "script" not in page.elements
    assert PLANTED not in answer.text
    kept = emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    for value in kept.values():
        assert value not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_page_shows_the_latest_calls_of_many(emulator: Emulator, client: httpx.Client) -> None:
    for _ in range(210):
        client.get(PRINCIPAL)
    assert "… and 10 earlier calls." in Page(client.get("/").text).texts["calls"]


def test_the_page_survives_an_object_that_is_deleted_meanwhile(emulator: Emulator) -> None:
    done = threading.Event()

    def come_and_go() -> None:
        while not done.is_set():
            ids = [emulator.tenant.create_application("A")["id"] for _ in range(50)]
            for id in ids:
                emulator.tenant.delete("applications", id)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(1) as pool, anonymous(emulator) as client:
            going = pool.submit(come_and_go)
            statuses = {client.get("/").status_code for _ in range(40)}
            done.set()
            going.result()
    finally:
        sys.setswitchinterval(interval)
    assert statuses == {200}


def test_health_answers_despite_faults(emulator: Emulator, client: httpx.Client) -> None:
    emulator.faults.add(Fault(status=500, times=9))
    answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert client.head("/health").status_code == 200
    assert client.get(PRINCIPAL).status_code == 500


def test_the_journal_ignores_the_pages_of_the_emulator(
    emulator: Emulator, client: httpx.Client
) -> None:
    for path in ("/", "/health", "/emulator/faults", "/emulator/clock", "/emulator/judgement"):
        assert client.get(path).status_code == 200
    assert emulator.journal.calls == []


def test_a_wrong_path_or_method_of_the_emulators_own_pages_is_an_error(
    client: httpx.Client,
) -> None:
    unknown = client.get("/emulator/nothing")
    assert unknown.status_code == 404
    assert "/emulator/faults" in unknown.json()["error"]
    wrong = client.put("/emulator/faults", json=[])
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, POST, DELETE")
    assert client.post("/").status_code == 405


CHROMIUM = shutil.which("chromium")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is missing: apt-get install chromium")
def test_a_browser_shows_the_page_on_a_phone(emulator: Emulator, tmp_path: Path) -> None:
    used(emulator)
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run"
        " --disable-background-networking --disable-component-update --disable-sync"
        " --ignore-certificate-errors --hide-scrollbars --window-size=500,1600"
    ).split()
    flags.append(f"--user-data-dir={tmp_path / 'profile'}")
    picture = tmp_path / "page.png"

    def browse(*options: str) -> str:
        return subprocess.run(
            [str(CHROMIUM), *flags, *options, f"{emulator.url}/"],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout

    shown = Page(browse("--dump-dom"))
    assert DEFAULT_TENANT_ID in browse("--dump-dom")
    assert MARKUP in shown.texts["objects"]
    assert "script" not in shown.elements
    assert "since 20" in shown.texts["authorized"]
    browse(f"--screenshot={picture}")
    assert picture.read_bytes().startswith(b"\x89PNG")

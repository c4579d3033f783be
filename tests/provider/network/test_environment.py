"""Proxies and certificate authorities."""

from __future__ import annotations

from pathlib import Path

import pytest
from entra_emulator import Emulator
from pulumi_entra_provisioning.errors import RequestError, SettingsError, SignInError
from support.hostile_server import NOWHERE, StartHostile, Trick, graph_and_entra
from support.steps import WITH_CODE, created, creates, failure, posts, run

pytestmark = pytest.mark.usefixtures("plain_environment")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (407, "no connection: the proxy answered 407 (Proxy Authentication Required)"),
        (403, "no connection: the proxy answered 403 (Forbidden)"),
        (302, "no connection: the proxy answered 302 (Found)"),
    ],
)
def test_a_proxy_that_refuses_connect_fails_without_a_retry(
    hostile: StartHostile, monkeypatch: pytest.MonkeyPatch, status: int, said: str
) -> None:
    trick = Trick(status, (("Location", "http://127.0.0.1:9/"),))
    proxy = hostile({":9": trick}, name="")
    service = hostile({})
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    nowhere = "https://localhost:9"
    for direct, kind in (("", SignInError), ("127.0.0.1", RequestError)):
        monkeypatch.setenv("NO_PROXY", direct)
        proxy.asked.clear()
        # The second time, Entra is reached without the proxy, and Graph alone is not.
        variables = {**graph_and_entra(service), "ENTRA_PROVISIONING_GRAPH_ENDPOINT": nowhere}
        if not direct:
            variables["ENTRA_PROVISIONING_AUTHORITY_HOST"] = nowhere
        error = failure(variables, creates(inputs=WITH_CODE))
        assert isinstance(error, kind)
        assert said in str(error)
        assert "Check HTTPS_PROXY" in str(error)
        assert "may be spent" not in str(error)
        assert proxy.asked == ["CONNECT localhost:9"]


@pytest.mark.slow
def test_a_failing_proxy_is_retried(hostile: StartHostile, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = hostile({":9": Trick(503)}, name="")
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    variables = {**graph_and_entra(hostile({})), "ENTRA_PROVISIONING_AUTHORITY_HOST": NOWHERE}
    assert "the proxy answered 503" in str(failure(variables, creates(timeout=3)))
    assert len(proxy.asked) > 1


@pytest.mark.parametrize(
    "variables",
    [
        {"NO_PROXY": "localhost,127.0.0.1,fd00::/8"},
        {"NO_PROXY": "127.0.0.1,[::1]"},
        {"NO_PROXY": " 127.0.0.0/8 , ,*.example"},
        {"NO_PROXY": "*"},
    ],
    ids=lambda variables: variables["NO_PROXY"],
)
def test_no_proxy_accepts_every_form_of_a_host(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in {"HTTPS_PROXY": NOWHERE, **variables}.items():
        monkeypatch.setenv(name, value)
    created(emulator)
    assert posts(emulator) == [204]


@pytest.mark.parametrize("form", ["127.0.0.1:{port}", " http://127.0.0.1:{port}/ "])
def test_a_proxy_url_can_lack_its_scheme_and_have_spaces(
    hostile: StartHostile, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    proxy = hostile({"": Trick(403)}, name="")
    monkeypatch.setenv("HTTPS_PROXY", form.format(port=proxy.url.rpartition(":")[2]))
    assert "the proxy answered 403" in str(failure(emulator.environment, creates()))
    assert proxy.asked == [f"CONNECT {emulator.url.removeprefix('https://')}"]


@pytest.mark.parametrize(
    ("name", "value", "reported"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:9", "a SOCKS proxy is not supported. Set HTTPS_PROXY"),
        ("HTTPS_PROXY", "http://user:pl4nted#7@127.0.0.1:9", "such as # as %23"),
        ("HTTPS_PROXY", "http://user:pl4nted€@127.0.0.1:9", "percent-encoded"),
        ("HTTPS_PROXY", "http://127.0.0.1:99999", "Give http://HOST:PORT"),
        ("HTTPS_PROXY", "http://127.0.0.1:port", "Give http://HOST:PORT"),
        ("https_proxy", "http://", "Give http://HOST:PORT"),
        ("HTTPS_PROXY", "ftp://127.0.0.1:9", "Give http://HOST:PORT"),
        ("SSLKEYLOGFILE", "/nowhere/keys", "the file cannot be written. Unset it."),
    ],
)
def test_an_unusable_network_variable_is_named_with_its_remedy(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, name: str, value: str, reported: str
) -> None:
    monkeypatch.setenv(name, value)
    error = failure(emulator.environment, creates())
    assert isinstance(error, SettingsError)
    assert str(error).startswith(f"{name}: ")
    assert reported in str(error)
    assert emulator.journal.calls == []


def test_a_certificate_for_another_name_reports_the_requested_host(
    hostile: StartHostile,
) -> None:
    server = hostile({}, name="other.example")
    said = "no answer (the certificate of 127.0.0.1 is valid for other names)"
    assert said in str(failure(graph_and_entra(server), creates()))
    entra = hostile({})
    with Path(entra.ca_file).open("a") as trusted:
        trusted.write(Path(server.ca_file).read_text())
    variables = {**graph_and_entra(entra), "ENTRA_PROVISIONING_GRAPH_ENDPOINT": server.url}
    error = failure(variables, creates(inputs=WITH_CODE))
    assert said in str(error)
    assert "may be spent" not in str(error)


@pytest.mark.parametrize(
    "name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
)
def test_a_missing_certificate_bundle_is_named(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    for path in ("/nowhere/ca.pem", str(tmp_path / "no.pem")):
        monkeypatch.setenv(name, path)
        variables = {**emulator.environment, "ENTRA_PROVISIONING_CA_FILE": ""}
        error = failure(variables, creates())
        assert isinstance(error, SettingsError)
        assert str(error).startswith(f"{name}: the file has no PEM certificates.")
    # With caFile it does not count.
    created(emulator)
    assert posts(emulator) == [204]


def test_the_certificate_bundles_in_the_environment_are_trusted(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = dict(emulator.environment)
    bundle = variables.pop("ENTRA_PROVISIONING_CA_FILE")
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
    run(emulator, creates(), variables)
    assert posts(emulator) == [204]

"""What a hostile service, proxy or machine may do, and what the user reads of it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from entra_emulator import Emulator
from pulumi_entra_provisioning.answers import seconds
from pulumi_entra_provisioning.errors import (
    ProvisioningError,
    RequestError,
    SettingsError,
    SignInError,
)
from pulumi_entra_provisioning.identity.settings import settings
from pulumi_entra_provisioning.lifecycle.inputs import Inputs
from pulumi_entra_provisioning.lifecycle.operations import Lifecycle
from pulumi_entra_provisioning.remedies import SIGN_IN_REMEDIES
from support.hostile_server import ENDLESS, HTML, SIGNS_IN, HostileServer, Trick, bomb, said
from support.steps import GUID, INPUTS, TARGET, WITH_CODE, created, posts, run

Tricks = Mapping[str, Trick]
Hostile = Callable[..., HostileServer]
Step = Callable[[Lifecycle], Awaitable[Any]]

NOWHERE = "https://127.0.0.1:9"
SECRETS = "/synchronization/secrets"
JOBS = "/synchronization/jobs"
ACTION = "/acquireAccessToken"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, and no certificate authorities, of the machine that runs the tests."""
    names = "https_proxy all_proxy no_proxy ssl_cert_file ssl_cert_dir requests_ca_bundle"
    for name in f"{names} curl_ca_bundle".split():
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Hostile]:
    started: list[Path] = []
    with ExitStack() as servers:

        def start(tricks: Tricks, name: str = "127.0.0.1") -> HostileServer:
            # The tricks come first, where their paths end alike.
            answers = {**tricks, **SIGNS_IN, **tricks}
            folder = tmp_path / str(len(started))
            folder.mkdir()
            started.append(folder)
            return servers.enter_context(HostileServer(answers, folder, name))

        yield start


def environment(server: HostileServer) -> dict[str, str]:
    """The variables that have a server of TLS for Entra and for Graph."""
    return {
        "ENTRA_PROVISIONING_GRAPH_ENDPOINT": server.url,
        "ENTRA_PROVISIONING_AUTHORITY_HOST": server.url,
        "ENTRA_PROVISIONING_CA_FILE": server.ca_file,
        "AZURE_TENANT_ID": GUID,
        "AZURE_CLIENT_ID": GUID,
        "AZURE_CLIENT_SECRET": "pl4nted-secret",
    }


def without_secret(server: HostileServer, **variables: str) -> dict[str, str]:
    return {**environment(server), "AZURE_CLIENT_SECRET": "", **variables}


def pipelines(server: HostileServer) -> dict[str, str]:
    """The variables of a job of Azure Pipelines whose ID tokens come from the server."""
    return without_secret(
        server,
        ARM_USE_OIDC="true",
        ARM_OIDC_AZURE_SERVICE_CONNECTION_ID="connection",
        SYSTEM_OIDCREQUESTURI=f"{server.url}/oidc",
        SYSTEM_ACCESSTOKEN="pl4nted-token",
    )


def managed_identity(server: HostileServer) -> dict[str, str]:
    """The variables of a machine whose managed identity the server gives, which speaks HTTP."""
    return {
        "ENTRA_PROVISIONING_GRAPH_ENDPOINT": NOWHERE,
        "ENTRA_PROVISIONING_AUTHORITY_HOST": NOWHERE,
        "ENTRA_PROVISIONING_USE_MSI": "true",
        "ENTRA_PROVISIONING_MSI_ENDPOINT": server.url,
    }


def failure(variables: Mapping[str, str], step: Step) -> ProvisioningError:
    """What a step raises, which is to quote no secret."""

    async def on_a_loop() -> ProvisioningError:
        with pytest.raises(ProvisioningError) as caught:
            await step(Lifecycle(settings(lambda _: None, variables), print, print))
        return caught.value

    error = asyncio.run(on_a_loop())
    assert "pl4nted" not in str(error)
    return error


def creates(timeout: float = 20, inputs: Mapping[str, Any] = INPUTS) -> Step:
    return lambda steps: steps.create(Inputs.of({**inputs, "timeout": timeout}))


def reads(steps: Lifecycle) -> Awaitable[Any]:
    return steps.read(TARGET, None)


# Answers without end

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
    "Graph": (SECRETS, "127.0.0.1", environment),
    "Entra": ("/token", "127.0.0.1", environment),
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
def test_an_answer_without_end_is_neither_read_nor_kept(
    hostile: Hostile, victim: str, trick: Trick
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


@pytest.mark.parametrize(("status", "spent"), [(200, True), (500, True), (400, False)])
def test_a_code_may_be_spent_by_a_call_whose_answer_has_no_end(
    hostile: Hostile, status: int, spent: bool
) -> None:
    server = hostile({ACTION: Trick(status, ENDLESS.headers, ENDLESS.body, True)})
    error = failure(environment(server), creates(inputs=WITH_CODE))
    assert f"{status}: the answer is larger than 4 MiB" in str(error)
    assert ("code may be spent" in str(error)) == spent
    assert len([asked for asked in server.asked if asked.endswith(ACTION)]) == 1


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, br"])
def test_an_answer_that_is_not_encoded_as_it_says_is_reported(
    hostile: Hostile, encoding: str
) -> None:
    trick = Trick(200, (("Content-Encoding", encoding),), b"{}")
    for path in (SECRETS, "/token"):
        reported = str(failure(environment(hostile({path: trick})), reads))
        expected = "unknown Content-Encoding" if "br" in encoding else "does not match its Content"
        assert expected in reported


# Faults that are blamed on what they are


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (407, "no connection: the proxy answered 407 (Proxy Authentication Required)"),
        (403, "no connection: the proxy answered 403 (Forbidden)"),
        (302, "no connection: the proxy answered 302 (Found)"),
    ],
)
def test_what_a_proxy_answers_to_connect_is_reported_once(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch, status: int, said: str
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
        variables = {**environment(service), "ENTRA_PROVISIONING_GRAPH_ENDPOINT": nowhere}
        if not direct:
            variables["ENTRA_PROVISIONING_AUTHORITY_HOST"] = nowhere
        error = failure(variables, creates(inputs=WITH_CODE))
        assert isinstance(error, kind)
        assert said in str(error)
        assert "Check HTTPS_PROXY" in str(error)
        assert "may be spent" not in str(error)
        assert proxy.asked == ["CONNECT localhost:9"]


@pytest.mark.slow
def test_a_proxy_that_fails_for_a_while_is_asked_again(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = hostile({":9": Trick(503)}, name="")
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    variables = {**environment(hostile({})), "ENTRA_PROVISIONING_AUTHORITY_HOST": NOWHERE}
    assert "the proxy answered 503" in str(failure(variables, creates(timeout=3)))
    assert len(proxy.asked) > 1


@pytest.mark.slow
def test_an_azure_cli_that_does_not_end_is_reported(
    hostile: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    az = tmp_path / "az"
    az.write_text("#!/bin/sh\nexec sleep 40\n")
    az.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    variables = without_secret(hostile({}))
    for timeout, within in ((3, "no answer within"), (300, "did not end within 30 s")):
        reported = str(failure(variables, creates(timeout)))
        assert within in reported
        assert "az account get-access-token" in reported
        assert "yourself to see why." in reported
        assert "caFile" not in reported


@pytest.mark.slow
def test_a_managed_identitys_service_that_fails_is_reported(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "")
    server = hostile({"/metadata/identity/oauth2/token": Trick(500)}, name="")
    error = failure(managed_identity(server), creates(timeout=5))
    assert isinstance(error, SignInError)
    assert str(error).startswith("getting a token of the managed identity: 500: ")
    assert str(error).endswith(f". {SIGN_IN_REMEDIES['5xx']}")


UNKNOWN_TENANT = said(
    {
        "error": "invalid_tenant",
        "error_description": f"AADSTS90002: Tenant '{GUID}' not found. Trace ID: 7race Time",
    },
    400,
)


@pytest.mark.parametrize(
    ("answer", "reported"),
    [
        (Trick(400), ": 400. Check authorityHost"),
        (Trick(400, HTML.headers, HTML.body), ": 400. Check authorityHost"),
        (said([], 400), ": 400. Check authorityHost"),
        (said({"error_description": 1}, 400), ": 400. Check authorityHost"),
        (HTML, ": 200. Check authorityHost"),
        (UNKNOWN_TENANT, "not found (request-id 7race). This cloud has no such tenant."),
    ],
)
def test_a_tenant_is_unknown_where_entra_says_so_and_nowhere_else(
    hostile: Hostile, answer: Trick, reported: str
) -> None:
    variables = environment(hostile({"/openid-configuration": answer}))
    error = str(failure(variables, creates()))
    assert reported in error
    assert ("AADSTS90002" in error) == (answer is UNKNOWN_TENANT)


def test_a_service_of_id_tokens_that_answers_a_page_is_reported(hostile: Hostile) -> None:
    for variables in (pipelines, github):
        error = failure(variables(hostile({"/oidc": HTML})), creates())
        assert isinstance(error, SignInError)
        assert ": 200 no ID token. Check oidcRequestUrl and any proxy" in str(error)


def github(server: HostileServer) -> dict[str, str]:
    """The variables of a job of GitHub Actions whose ID tokens come from the server."""
    return without_secret(
        server,
        ARM_USE_OIDC="true",
        ACTIONS_ID_TOKEN_REQUEST_URL=f"{server.url}/oidc?api-version=2.0",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN="pl4nted-token",
    )


def test_a_certificate_of_another_host_names_the_host_that_was_asked(
    hostile: Hostile,
) -> None:
    server = hostile({}, name="other.example")
    said = "no answer (the certificate of 127.0.0.1 is valid for other names)"
    assert said in str(failure(environment(server), creates()))
    entra = hostile({})
    with Path(entra.ca_file).open("a") as trusted:
        trusted.write(Path(server.ca_file).read_text())
    variables = {**environment(entra), "ENTRA_PROVISIONING_GRAPH_ENDPOINT": server.url}
    error = failure(variables, creates(inputs=WITH_CODE))
    assert said in str(error)
    assert "may be spent" not in str(error)


def test_of_two_headers_that_ask_to_wait_the_longer_counts(hostile: Hostile) -> None:
    twice = Trick(429, (("Retry-After", "70"), ("Retry-After", "90")))
    for path in (ACTION, "/token"):
        error = failure(environment(hostile({path: twice})), creates())
        assert isinstance(error, RequestError | SignInError)
        assert error.answer.retry_after == 90


# Environments that are not as usual


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
def test_hosts_that_need_no_proxy_are_listed_in_any_form(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in {"HTTPS_PROXY": NOWHERE, **variables}.items():
        monkeypatch.setenv(name, value)
    created(emulator)
    assert posts(emulator) == [204]


@pytest.mark.parametrize("form", ["127.0.0.1:{port}", " http://127.0.0.1:{port}/ "])
def test_a_proxy_is_read_without_its_scheme_and_with_spaces(
    hostile: Hostile, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, form: str
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
def test_a_variable_that_keeps_from_every_service_is_named_with_its_remedy(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, name: str, value: str, reported: str
) -> None:
    monkeypatch.setenv(name, value)
    error = failure(emulator.environment, creates())
    assert isinstance(error, SettingsError)
    assert str(error).startswith(f"{name}: ")
    assert reported in str(error)
    assert emulator.journal.calls == []


@pytest.mark.parametrize(
    "name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
)
def test_a_bundle_of_certificates_that_is_not_there_is_named(
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


def test_the_bundles_of_the_environment_are_trusted(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = dict(emulator.environment)
    bundle = variables.pop("ENTRA_PROVISIONING_CA_FILE")
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
    run(emulator, creates(), variables)
    assert posts(emulator) == [204]


def test_a_netrc_file_does_not_replace_the_token_of_a_pipeline(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    variables = {**emulator.environment_in("github-actions"), "ARM_USE_OIDC": "true"}
    variables |= {name: emulator.environment[name] for name in ("AZURE_CLIENT_ID",)}
    run(emulator, creates(), variables)
    assert posts(emulator) == [204]


def test_a_certificate_that_is_no_ascii_is_reported(emulator: Emulator) -> None:
    variables = {**emulator.environment, "ARM_CLIENT_CERTIFICATE": "pl4nted-é"}
    assert "clientCertificate: not Base64" in str(failure(variables, creates()))


@pytest.mark.parametrize(
    "date",
    [
        "Wed, 21 Oct 2099 07:28:00 +99999999999999999999",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Fri, 31 Dec 99999 23:59:59 GMT",
        "9" * 5000,
        ",,,",
    ],
)
def test_a_date_to_wait_for_that_is_nonsense_hides_no_spent_code(
    hostile: Hostile, date: str
) -> None:
    seconds(date)
    answer = Trick(503, (("Retry-After", date),))
    server = hostile({ACTION: answer})
    error = failure(environment(server), creates(inputs=WITH_CODE))
    assert isinstance(error, RequestError)
    assert error.answer.status == 503
    assert "code may be spent" in str(error)


# Answers that are not Graph's

NONSENSE = {
    "text": said({"value": "x"}),
    "null": said({"value": None}),
    "numbers": said({"value": [1]}),
    "nameless": said({"value": [{}]}),
    "numbers for names": said({"value": [{"key": 1, "id": 1}]}),
    "list": said([]),
    "empty": said({}),
    "null alone": said(None),
    "part": said({"value": [], "@odata.nextLink": "{url}/v1.0/more"}),
    "page": HTML,
    "nothing": Trick(200),
    "no content": Trick(204),
    "deep": Trick(200, ENDLESS.headers, b"[" * 100_000),
}


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
def test_a_delete_believes_no_nonsense(
    hostile: Hostile, emulator: Emulator, nonsense: Trick
) -> None:
    made = created(emulator)
    server = hostile({SECRETS: nonsense})
    reported = str(failure(environment(server), lambda steps: steps.delete(made)))
    assert reported.startswith(f"reading the credentials' keys of {TARGET}: 200: ")
    assert "Check graphEndpoint and any proxy on the way" in reported
    assert not [asked for asked in server.asked if asked.startswith("PUT")]


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
def test_a_refresh_believes_no_nonsense(
    hostile: Hostile, emulator: Emulator, nonsense: Trick
) -> None:
    made = created(emulator)
    held = said({"value": [{"key": key, "value": "*"} for key in made.stored_keys or ()]})
    for tricks, doing in (
        ({SECRETS: nonsense}, "reading the credentials' keys of"),
        ({SECRETS: held, JOBS: nonsense}, "reading the synchronization jobs of"),
    ):
        variables = environment(hostile(tricks))
        error = failure(variables, lambda steps: steps.read(TARGET, made))
        assert isinstance(error, RequestError)
        assert str(error).startswith(f"{doing} {TARGET}: 200: ")


@pytest.mark.parametrize(
    "job",
    [
        {"id": "job", "status": "x"},
        {"id": "job", "status": {"quarantine": []}},
        {"id": "job", "status": {"quarantine": {"reason": 4}}},
        {"id": "job", "status": {"code": "Quarantine"}, "schedule": "x"},
        {"status": {"code": "Active"}},
    ],
    ids=str,
)
def test_a_refresh_believes_no_nonsense_of_a_job(hostile: Hostile, job: dict[str, Any]) -> None:
    held = said({"value": [{"key": "SecretToken", "value": "*"}]})
    server = hostile({SECRETS: held, JOBS: said({"value": [job]})})
    reported = str(failure(environment(server), reads))
    assert reported.startswith(f"reading the synchronization jobs of {TARGET}: 200: ")


def test_an_update_believes_no_nonsense_and_empties_later(
    hostile: Hostile, emulator: Emulator
) -> None:
    made = created(emulator)
    server = hostile({SECRETS: NONSENSE["text"], ACTION: Trick(204)})
    inputs = {**INPUTS, "credentials": {"Password": "anew"}}
    new, lines = run(
        emulator, lambda steps: steps.update(made, Inputs.of(inputs)), environment(server)
    )
    assert new.keys_to_empty == ["SecretToken"]
    assert "The next `pulumi up` empties SecretToken." in lines[-1]


def test_keys_and_reasons_that_graph_adds_are_kept_as_they_are(
    hostile: Hostile, emulator: Emulator
) -> None:
    held = said({"value": [{"key": "KeyToCome", "value": "*"}]})
    quarantine = {"reason": "reasonToCome"}
    job = {"id": "job", "status": {"code": "Quarantine", "quarantine": quarantine}}
    job["schedule"] = {"state": "Disabled"}
    server = hostile({SECRETS: held, JOBS: said({"value": [job]})})
    seen, lines = run(emulator, reads, environment(server))
    assert seen.stored_keys == ["KeyToCome"]
    assert "job job, ReasonToCome, disabled. Start it again in" in lines[-1]

    server.tricks = {**server.tricks, SECRETS: held}
    with pytest.raises(RequestError):  # this server lets nobody put
        run(emulator, lambda steps: steps.delete(seen), environment(server))
    assert f"PUT /v1.0/{TARGET}{SECRETS}" in server.asked

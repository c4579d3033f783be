from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from entra_emulator import (
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Emulator,
)
from support.emulator_clients import (
    ACQUIRE,
    PLANTED,
    SECRETS,
)

pytestmark = pytest.mark.slow

CLI = [sys.executable, "-m", "entra_emulator.cli"]

AUTHORIZE = f"""
import os, ssl, sys, httpx
from azure.identity import ClientSecretCredential
url, ca = os.environ["ENTRA_PROVISIONING_GRAPH_ENDPOINT"], os.environ["ENTRA_PROVISIONING_CA_FILE"]
credential = ClientSecretCredential(
    *(os.environ["AZURE_" + name] for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")),
    authority=os.environ["ENTRA_PROVISIONING_AUTHORITY_HOST"], disable_instance_discovery=True,
    connection_verify=ca,
)
bearer = {{"Authorization": "Bearer " + credential.get_token(url + "/.default").token}}
trust = ssl.create_default_context(cafile=ca)
with httpx.Client(base_url=url, headers=bearer, verify=trust) as graph:
    pairs = [{{"key": "Oauth2ClientId", "value": "{PLANTED}"}}, {{"key": "UserName", "value": "x"}}]
    graph.post("{ACQUIRE}", json={{"credentials": pairs}}).raise_for_status()
    emptied = [{{"key": "UserName", "value": ""}}]
    graph.put("{SECRETS}", json={{"value": emptied}}).raise_for_status()
"""


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command, while it runs; a test that fails leaves no process behind."""
    process = subprocess.Popen(
        [*CLI, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def run_cli(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLI, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_run_reports_the_calls_and_the_content_of_the_tenant(tmp_path: Path) -> None:
    state = str(tmp_path / "tenant.json")
    ran = run_cli("run", "--state", state, "--", sys.executable, "-c", AUTHORIZE)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == ""
    report = ran.stderr
    assert (
        "Microsoft Graph received:\n"
        f"  POST {ACQUIRE}: 204\n"
        "      Oauth2ClientId\n"
        "      UserName\n"
        f"  PUT {SECRETS}: 204\n"
        "      UserName (emptied)\n"
        "Entra received 1 token request.\n"
    ) in report
    holds = report.partition("The tenant now holds:\n")[2].splitlines()
    assert f"service principal 'Contoso Sales' ({DEFAULT_SERVICE_PRINCIPAL_ID})" in holds[0]
    assert " UTC" in holds[0]
    assert [line.strip() for line in holds[1:]] == [
        "Oauth2ClientId",
        "Oauth2AccessToken",
        "Oauth2AccessTokenCreationTime",
    ]
    assert PLANTED not in report
    again = run_cli("run", "--state", state, "--", sys.executable, "-c", "")
    assert "Microsoft Graph received nothing." in again.stderr
    assert holds[0] in again.stderr


def test_run_returns_the_output_and_exit_status_of_its_command() -> None:
    ran = run_cli("run", "--", sys.executable, "-c", "print('said'); raise SystemExit(42)")
    assert (ran.returncode, ran.stdout) == (42, "said\n")
    assert "The tenant holds no authorization." in ran.stderr


def test_run_reports_a_command_without_calls_and_fails_if_strict() -> None:
    for options, status in ((), 0), (("--strict",), 1):
        ran = run_cli("run", *options, "--", sys.executable, "-c", "")
        assert ran.returncode == status
        assert ran.stderr.startswith(
            "\nThe command made no call to the emulator. Either it had nothing"
        )
    failed = run_cli("run", "--strict", "--", sys.executable, "-c", "raise SystemExit(42)")
    assert failed.returncode == 42
    # A token alone is a call.
    token = AUTHORIZE.partition("trust =")[0]
    assert "made no call" not in run_cli("run", "--", sys.executable, "-c", token).stderr


def test_run_removes_other_identities_from_the_environment() -> None:
    show = "import os; print(*(f'{k}={v}' for k, v in sorted(os.environ.items())), sep='\\n')"
    ran = run_cli(
        "run",
        "--",
        sys.executable,
        "-c",
        show,
        ARM_CLIENT_SECRET=PLANTED,
        ARM_USE_OIDC="true",
        AZURE_CLIENT_CERTIFICATE_PATH=PLANTED,
        ENTRA_PROVISIONING_CLIENT_ID=PLANTED,
        AZURE_STORAGE_ACCOUNT="kept",
    )
    assert PLANTED not in ran.stdout
    assert "ARM_USE_OIDC" not in ran.stdout
    assert f"AZURE_CLIENT_ID={DEFAULT_CLIENT_ID}\n" in ran.stdout
    assert "AZURE_STORAGE_ACCOUNT=kept\n" in ran.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_forwards_signals_and_returns_the_exit_status(number: signal.Signals) -> None:
    program = (
        "import signal, time\n"
        "seen = []\n"
        f"signal.signal({int(number)}, lambda number, frame: seen.append(number))\n"
        "print('ready', flush=True)\n"
        "while not seen: time.sleep(0.02)\n"
        "print('got', *seen, flush=True)\n"
        f"signal.signal({int(number)}, signal.SIG_DFL)\n"
        f"signal.raise_signal({int(number)})\n"
    )
    with started("run", "--", sys.executable, "-c", program) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, report = process.communicate(timeout=30)
    assert out == f"got {int(number)}\n"
    assert process.returncode == 128 + number
    assert "Microsoft Graph received nothing." in report


def test_run_names_a_command_that_cannot_start(tmp_path: Path) -> None:
    missing = run_cli("run", "--", "no-such-command")
    assert (missing.returncode, missing.stderr) == (
        127,
        "entra-emulator: command not found: 'no-such-command'\n",
    )
    unfit = tmp_path / "data"
    unfit.write_text("text")
    refused = run_cli("run", "--", str(unfit))
    assert refused.returncode == 126
    assert refused.stderr.startswith("entra-emulator: cannot run ")
    assert refused.stderr.endswith(": Permission denied\n")
    nothing = run_cli("run")
    assert nothing.returncode == 2
    assert "COMMAND is missing" in nothing.stderr


def test_the_error_of_a_failed_start_is_one_line(untouched: Emulator, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("text")
    port = untouched.url.rpartition(":")[2]
    for arguments, sentence in (
        (["run", "--port", port, "--", "true"], f"cannot listen on 127.0.0.1:{port}"),
        (
            ["run", "--port", "99999", "--", "true"],
            "the port must be between 0 and 65535, not 99999",
        ),
        (["run", "--port", "-1", "--", "true"], "the port must be between 0 and 65535, not -1"),
        (["serve", "--host", "0.0.0.0"], "listens on loopback only"),
        (["run", "--state", str(tmp_path / "other"), "--", "true"], "not a state file"),
        (["run", "--state", str(tmp_path / "no" / "x"), "--", "true"], "is not a folder"),
    ):
        failed = run_cli(*arguments)
        assert failed.returncode == (125 if "listen on" in sentence else 2)
        assert failed.stdout == ""
        assert failed.stderr.startswith("entra-emulator: ")
        assert sentence in failed.stderr
        assert failed.stderr.count("\n") == 1


@pytest.mark.parametrize("module", ["starlette", "uvicorn", "trustme", "jwt", "jinja2", "yaml"])
def test_a_missing_extra_is_named(module: str) -> None:
    program = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from entra_emulator.cli import main\n"
        "sys.exit(main(['serve']))\n"
    )
    failed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert failed.returncode == 125
    assert failed.stderr == (
        f"entra-emulator: {module} is missing: install pulumi-entra-provisioning[emulator]\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_the_environment_and_stops_in_order(number: signal.Signals) -> None:
    with started("serve") as process:
        assert process.stdout
        assert process.stderr
        assert process.stderr.readline().startswith("Serving at https://127.0.0.1:")
        lines = [process.stdout.readline() for _ in range(9)]
        shell = subprocess.run(
            ["sh", "-c", "".join(lines) + 'echo "$ENTRA_PROVISIONING_CA_FILE"; env'],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        ca_file = shell.partition("\n")[0]
        assert os.path.exists(ca_file)
        assert f"AZURE_CLIENT_SECRET={DEFAULT_CLIENT_SECRET}\n" in shell
        ran = subprocess.run(
            [sys.executable, "-c", AUTHORIZE],
            env=dict(line.split("=", 1) for line in shell.splitlines()[1:] if "=" in line),
            check=False,
        )
        assert ran.returncode == 0
        process.send_signal(number)
        _, rest = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in rest
    assert not os.path.exists(ca_file)


CALL = f"""
import os, ssl, sys, time, uuid, httpx
url, ca = os.environ["ENTRA_PROVISIONING_GRAPH_ENDPOINT"], os.environ["ENTRA_PROVISIONING_CA_FILE"]
form = {{
    "grant_type": "client_credentials", "client_id": os.environ["AZURE_CLIENT_ID"],
    "client_secret": os.environ["AZURE_CLIENT_SECRET"], "scope": url + "/.default",
}}
trust = ssl.create_default_context(cafile=ca)
with httpx.Client(base_url=url, verify=trust) as graph:
    token = graph.post(f"/{{os.environ['AZURE_TENANT_ID']}}/oauth2/v2.0/token", data=form).json()
    graph.headers["Authorization"] = "Bearer " + token["access_token"]
    graph.headers["client-request-id"] = str(uuid.uuid4())
    for _ in range(int(sys.argv[1])):
        print(graph.get("{SECRETS}").status_code)
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A file of faults, one of which is about secrets, and a seed."""
    faults = tmp_path / "faults.yaml"
    faults.write_text('- {path: "*/secrets", status: 429, headers: {Retry-After: 60}}\n')
    seed = tmp_path / "seed.yaml"
    seed.write_text(
        "applications:\n"
        "  - id: 20000000-0000-4000-8000-000000000001\n"
        "    appId: 20000000-0000-4000-8000-000000000002\n"
        "    displayName: Fabrikam\n"
        "    authorizedAt: 2026-01-02T03:04:05Z\n"
        "    secrets: {UserName: x}\n"
    )
    return str(faults), str(seed)


def test_run_takes_faults_and_a_seed_and_judges_the_client(files: tuple[str, str]) -> None:
    faults, seed = files
    command = ("--", sys.executable, "-c", CALL, "2")
    options = ("--faults", faults, "--seed", seed)
    ran = run_cli("run", *options, *command)
    assert (ran.returncode, ran.stdout) == (0, "429\n200\n"), ran.stderr
    judged = ran.stderr.partition("What the client should not have done:\n")[2]
    assert judged.startswith(f"  GET {SECRETS} was sent again after 0.")
    assert "application 'Fabrikam'" in ran.stderr
    assert "authorized 2026-01-02 03:04:05 UTC" in ran.stderr
    strict = run_cli("run", "--strict", *options, *command)
    assert (strict.returncode, strict.stdout) == (1, "429\n200\n")


def test_run_reports_no_finding_about_a_correct_client_and_keeps_a_failing_status() -> None:
    good = run_cli("run", "--strict", "--", sys.executable, "-c", CALL, "2")
    assert (good.returncode, good.stdout) == (0, "200\n200\n"), good.stderr
    assert "should not have done" not in good.stderr
    assert "made no call" not in good.stderr
    unnamed = CALL.replace("client-request-id", "x-nothing") + "\nraise SystemExit(42)"
    bad = run_cli("run", "--strict", "--", sys.executable, "-c", unnamed, "7")
    assert bad.returncode == 42
    assert bad.stderr.count("has no client-request-id that is a GUID.") == 5
    assert "  … and 2 more times." in bad.stderr


def test_run_applies_throttling_and_replication_lag() -> None:
    program = CALL + (
        "    made = graph.post('/v1.0/applications', json={'displayName': 'Fabrikam'})\n"
        "    print(made.headers['x-ms-resource-unit'])\n"
        "    print(graph.get('/v1.0/applications/' + made.json()['id']).status_code)\n"
    )
    options = ("--throttling", "--replication-lag", "60")
    ran = run_cli("run", *options, "--", sys.executable, "-c", program, "0")
    assert (ran.returncode, ran.stdout) == (0, "1\n404\n"), ran.stderr


def test_the_error_of_an_invalid_file_is_one_line(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("- statuss: 429\n")
    missing = str(tmp_path / "none.yaml")
    for option, file, sentence in (
        (
            "--faults",
            str(wrong),
            f"{wrong}: fault 1: unknown field 'statuss' (did you mean status?)",
        ),
        ("--seed", str(wrong), f"{wrong} must be a mapping with the fields clients, applications"),
        ("--faults", missing, f"{missing} cannot be read: No such file or directory"),
        ("--replication-lag", "-1", "the replication lag must be a number of seconds"),
    ):
        failed = run_cli("run", option, file, "--", "true")
        assert failed.returncode == 2
        assert sentence in failed.stderr
        assert failed.stderr.startswith("entra-emulator: ")
        assert failed.stderr.count("\n") == 1


def test_serve_keeps_a_seeded_tenant_in_its_file_when_it_is_stopped(
    files: tuple[str, str], tmp_path: Path
) -> None:
    state = tmp_path / "tenant.json"
    with started("serve", "--state", str(state), "--seed", files[1]) as process:
        assert process.stdout
        assert process.stderr
        assert process.stderr.readline().startswith("Serving at https://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0
    with Emulator(state=state) as emulator:
        assert [item["displayName"] for item in emulator.tenant.objects("applications")] == [
            "Contoso Sales",
            "Fabrikam",
        ]

"""The state file: what it keeps, who can use it, and files that cannot be one."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from uuid import uuid4

import pytest
from entra_emulator import (
    DEFAULT_APPLICATION_ID,
    ClientSecret,
    Emulator,
    TenantError,
)
from support.emulator_clients import (
    PLANTED,
    SECRETS,
    Certificate,
    authorized,
)

CLI = [sys.executable, "-m", "entra_emulator.cli"]


@contextmanager
def serving(state: Path) -> Iterator[subprocess.Popen[str]]:
    """Start an emulator with that state file in its own process and wait until it serves."""
    process = subprocess.Popen(
        [*CLI, "serve", "--state", str(state)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr
        assert process.stderr.readline().startswith("Serving at ")
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.communicate()


def refused(*arguments: str, memory: int = 1 << 30) -> str:
    """The line that a failing command prints."""
    # The limit of memory is a child's own: without it, one that fails to fail takes the machine.
    program = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))\n"
        "from entra_emulator.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    began = time.monotonic()
    failed = subprocess.run(
        [sys.executable, "-c", program, "run", *arguments, "--", "true"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert time.monotonic() - began < 20
    assert (failed.returncode, failed.stdout) == (2, ""), failed.stderr
    assert failed.stderr.startswith("entra-emulator: ")
    assert failed.stderr.count("\n") == 1
    return failed.stderr.removeprefix("entra-emulator: ").rstrip("\n")


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


# One at a time


@pytest.mark.slow
def test_the_error_of_a_second_emulator_names_the_process_that_uses_the_state_file(
    tmp_path: Path,
) -> None:
    state = tmp_path / "tenant.json"
    with serving(state) as first:
        assert refused("--state", str(state)) == (
            f"{state} is in use by the emulator of process {first.pid}; stop it, or use another"
            " state file"
        )
        (tmp_path / "link").symlink_to(tmp_path)
        assert f"process {first.pid}" in refused("--state", str(tmp_path / "link" / "tenant.json"))
        with Emulator(state=tmp_path / "another.json"):
            pass
        first.send_signal(signal.SIGTERM)
        first.wait(30)
    assert first.returncode == 0
    assert names(tmp_path) == ["link"]
    with Emulator(state=state):
        pass


def test_a_second_emulator_of_one_process_cannot_use_the_state_file(
    tmp_path: Path,
) -> None:
    state = tmp_path / "tenant.json"
    with Emulator(state=state) as emulator:
        with pytest.raises(ValueError, match=f"in use by the emulator of process {os.getpid()};"):
            Emulator(state=state)
        emulator.tenant.create_application("Fabrikam")
    assert names(tmp_path) == ["tenant.json"]
    with Emulator(state=state) as emulator:
        assert len(emulator.tenant.objects("applications")) == 2


@pytest.mark.slow
def test_a_state_file_is_unlocked_after_a_kill(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    with serving(state) as killed:
        # As a kill in the middle of a write leaves it.
        (tmp_path / ".state.abcd12_z").write_text("half")
        kept = (".state.abcd12_zz", ".state2.abcd12_z", "state.abcd12_z", ".state.backup.json")
        for name in kept:
            (tmp_path / name).write_text("another's")
        killed.send_signal(signal.SIGKILL)
        killed.wait(30)
    assert ".state.abcd12_z" in names(tmp_path)
    with Emulator(state=state) as emulator:
        assert names(tmp_path) == sorted((*kept, ".state.lock"))
        emulator.tenant.create_application("Fabrikam")
    assert names(tmp_path) == sorted((*kept, "state"))


@pytest.mark.slow
def test_competing_emulators_use_one_state_file_in_turn(tmp_path: Path) -> None:
    state = tmp_path / "tenant.json"
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from entra_emulator.tenant.tenant import Tenant\n"
        "made = 0\n"
        "while made < 20:\n"
        "    try:\n"
        "        tenant = Tenant(state=Path(sys.argv[1]))\n"
        "    except ValueError as error:\n"
        "        assert 'in use by the emulator of' in str(error), error\n"
        "        continue\n"
        "    tenant.create_application('Fabrikam')\n"
        "    tenant.close()\n"
        "    made += 1\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, str(state)]) for _ in range(4)]
    assert [process.wait(120) for process in running] == [0, 0, 0, 0]
    with Emulator(state=state) as emulator:
        assert len(emulator.tenant.objects("applications")) == 1 + 4 * 20


def test_a_failed_start_unlocks_the_state_file(tmp_path: Path) -> None:
    state = tmp_path / "tenant.json"
    with Emulator() as other:
        emulator = Emulator(state=state, port=int(other.url.rpartition(":")[2]))
        with pytest.raises(OSError, match="cannot listen on"), emulator:
            pass
    with Emulator(state=state) as emulator:
        tenant = emulator.tenant
    with pytest.raises(ValueError, match="cannot be written: its emulator has stopped"):
        tenant.create_application("Fabrikam")
    assert names(tmp_path) == []


def test_only_the_owner_can_read_the_state_file_and_its_lock(tmp_path: Path) -> None:
    state = tmp_path / "tenant.json"
    before = os.umask(0)
    try:
        with Emulator(state=state) as emulator, authorized(emulator) as client:
            pairs = [{"key": "SecretToken", "value": "in-clear"}]
            client.put(SECRETS, json={"value": pairs}).raise_for_status()
            modes = {
                name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names(tmp_path)
            }
    finally:
        os.umask(before)
    assert modes == {".tenant.json.lock": 0o600, "tenant.json": 0o600}
    assert "in-clear" in state.read_text()


# What is no state file


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("link", "is a symbolic link; use the path of the file itself"),
        ("dangling", "is a symbolic link; use the path of the file itself"),
        ("fifo", "is not a regular file, so it cannot keep a state"),
        ("folder", "is not a regular file, so it cannot keep a state"),
        ("/dev/full", "is not a regular file, so it cannot keep a state"),
        ("/dev/zero", "is not a regular file, so it cannot keep a state"),
        ("damaged", "is not a state file of entra-emulator"),
        ("deep", "is not a state file of entra-emulator"),
        ("binary", "is not a state file of entra-emulator"),
        ("damaged/below", "cannot be read: Not a directory"),
        ("/proc/self/none", "cannot create a state file in /proc/self: "),
        ("x" * 250, "cannot create a state file in "),
    ],
)
def test_the_error_of_an_unusable_state_file_is_one_line(
    name: str, said: str, tmp_path: Path
) -> None:
    precious = tmp_path / "precious.json"
    with Emulator(state=precious) as emulator:
        emulator.tenant.create_application("Fabrikam")
    content = precious.read_text()
    (tmp_path / "link").symlink_to(precious)
    (tmp_path / "dangling").symlink_to(tmp_path / "none")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "damaged").write_text(content[: len(content) // 2])
    (tmp_path / "deep").write_text("[" * 100_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    before = names(tmp_path)
    path = str(tmp_path / name)
    reported = refused("--state", path)
    assert said in reported
    assert "Fabrikam" not in reported
    assert (names(tmp_path), precious.read_text()) == (before, content)
    assert (tmp_path / "link").is_symlink()


# What is no seed and no file of faults


LINES = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
LINES += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--seed", "--faults"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bomb", "is not valid YAML: aliases are not supported; repeat the value instead (line 2)"),
        ("deep", "is not valid YAML"),
        ("integer", "is not valid YAML: a number has more than 64 digits (line 1)"),
        ("float", "is not valid YAML: a number has more than 64 digits (line 1)"),
        ("large", "is larger than 1048576 bytes"),
        ("huge", "is larger than 1048576 bytes"),
        ("fifo", "is not a regular file"),
        ("folder", "is not a regular file"),
        ("/dev/zero", "is not a regular file"),
        ("none", "cannot be read: No such file or directory"),
        ("bomb/below", "cannot be read: Not a directory"),
    ],
)
def test_the_error_of_an_unusable_seed_or_fault_file_is_one_line(
    option: str, name: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "bomb").write_text("\n".join(LINES))
    (tmp_path / "deep").write_text("[" * 100_000)
    (tmp_path / "integer").write_text("a: " + "1:" * 500_000 + "1")
    (tmp_path / "float").write_text("a: " + "1:" * 500 + "1.5")
    (tmp_path / "large").write_text("- x\n" * 300_000)
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 1 << 40)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    path = str(tmp_path / name)
    assert refused(option, path) == f"{path} {said}"


def test_the_state_file_keeps_the_tenant(tmp_path: Path) -> None:
    file = tmp_path / "tenant.json"
    certificate, client_id = Certificate(), str(uuid4())
    expires = datetime.now(timezone.utc) + timedelta(days=1)
    with Emulator(state=file) as emulator:
        tenant = emulator.tenant
        application = tenant.create_application("Fabrikam")
        principal = tenant.create_service_principal(application["appId"])
        job = tenant.create_job(principal["id"], "scim")
        tenant.acquire_access_token(
            "servicePrincipals", principal["id"], {"Oauth2AuthorizationCode": PLANTED}
        )
        tenant.put_secrets("applications", application["id"], {"UserName": "ü", "Url": "u"})
        tenant.set_job_status(
            principal["id"], "Quarantine", reason="EncounteredQuarantineException"
        )
        tenant.register_client(
            client_id, [ClientSecret.of("s", expires)], [certificate.pem], ["Any.Role"]
        )
        kept = tenant.secrets("servicePrincipals", principal["id"])
        authorizations = tenant.authorizations()
        jobs = tenant.jobs("servicePrincipals", principal["id"])
        client = tenant.client(client_id)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["tenant.json"]
    assert PLANTED not in file.read_text()
    with Emulator(state=file) as emulator:
        tenant = emulator.tenant
        assert tenant.get("applications", application["id"]) == application
        assert tenant.secrets("servicePrincipals", principal["id"]) == kept
        assert tenant.secrets("applications", application["id"]) == {"UserName": "ü", "Url": "u"}
        assert tenant.authorizations() == authorizations != []
        assert tenant.jobs("servicePrincipals", principal["id"]) == jobs
        assert jobs[0]["id"] == job["id"]
        assert jobs[0]["status"]["code"] == "Quarantine"
        assert tenant.client(client_id) == client
        with pytest.raises(TenantError, match="Oauth2AuthorizationCodeInvalid"):
            tenant.acquire_access_token(
                "servicePrincipals", principal["id"], {"Oauth2AuthorizationCode": PLANTED}
            )


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 99}', "\x00"])
def test_a_file_that_is_not_a_state_file_is_refused_and_unchanged(
    tmp_path: Path, content: str
) -> None:
    file = tmp_path / "precious.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"precious\.json is not a state file"):
        Emulator(state=file)
    assert file.read_text() == content


def test_a_state_of_another_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tenant.json"
    with Emulator(state=file) as emulator:
        emulator.tenant.create_application("Fabrikam")
    document = json.loads(file.read_text())
    file.write_text(json.dumps(document | {"version": document["version"] + 1}))
    with pytest.raises(ValueError, match="not a state file"):
        Emulator(state=file)


def test_without_a_state_file_each_emulator_starts_empty(emulator: Emulator) -> None:
    emulator.tenant.put_secrets("applications", DEFAULT_APPLICATION_ID, {"UserName": "x"})
    emulator.tenant.create_application("Fabrikam")
    with Emulator() as other:
        assert other.tenant.secrets("applications", DEFAULT_APPLICATION_ID) == {}
        assert len(other.tenant.objects("applications")) == 1

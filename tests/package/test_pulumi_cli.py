"""`make cli`: which `pulumi` it takes, and that it installs nothing without the right checksum.

The installer runs in a copy of its folder, with the checksum of an archive that these tests serve.
"""

from __future__ import annotations

import hashlib
import io
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.background_server import serving
from support.stack import REPOSITORY

TOOL = REPOSITORY / "tools/pulumi-cli"
CHECKSUMS = TOOL / "checksums.txt"
VERSION = "3.250.0"
PLATFORMS = ["darwin-arm64", "darwin-x64", "linux-arm64", "linux-x64"]


def program(version: str) -> bytes:
    return f"#!/bin/sh\necho v{version}\n".encode()


def archive(version: str) -> bytes:
    """An archive with the layout of Pulumi's releases."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as tar:
        for name in ("pulumi", "pulumi-language-python"):
            member = tarfile.TarInfo(f"pulumi/{name}")
            member.size, member.mode = len(program(version)), 0o755
            tar.addfile(member, io.BytesIO(program(version)))
    return written.getvalue()


@pytest.fixture(scope="session")
def this_platform() -> str:
    machine = "x64" if platform.machine() == "x86_64" else "arm64"
    return f"{platform.system().lower()}-{machine}"


@dataclass
class Mirror:
    """A mirror of Pulumi's releases. The installer knows one checksum."""

    folder: Path
    name: str
    url: str

    def holds(self, content: bytes) -> None:
        path = self.folder / f"v{VERSION}" / self.name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path, this_platform: str) -> Iterator[Mirror]:
    folder = tmp_path / "mirror"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    name = f"pulumi-v{VERSION}-{this_platform}.tar.gz"
    with serving(server):
        yield Mirror(folder, name, f"http://127.0.0.1:{server.server_port}")


Install = Callable[..., tuple[int, str]]


@pytest.fixture
def install(tmp_path: Path, mirror: Mirror) -> Install:
    """Run the installer with only the `pulumi` and `go` in `path`. Return status and output."""
    copy = tmp_path / "tools/pulumi-cli"
    shutil.copytree(TOOL, copy)
    checksum = hashlib.sha256(archive(VERSION)).hexdigest()
    (copy / "checksums.txt").write_text(f"{checksum}  {mirror.name}\n")

    def run(path: Path, *options: str) -> tuple[int, str]:
        finished = subprocess.run(
            [sys.executable, copy / "install.py", *options],
            env={"PATH": str(path), "PULUMI_CLI_MIRROR": mirror.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        return finished.returncode, finished.stdout

    return run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An empty folder on PATH."""
    folder = tmp_path / "path"
    folder.mkdir()
    return folder


def has(path: Path, source: bytes, name: str = "pulumi") -> Path:
    command = path / name
    command.write_bytes(source)
    command.chmod(0o755)
    return command


def test_a_release_with_the_right_checksum_is_installed(
    tmp_path: Path, mirror: Mirror, install: Install, path: Path
) -> None:
    mirror.holds(archive(VERSION))
    status, printed = install(path)
    assert status == 0, printed
    installed = tmp_path / ".pulumi/bin"
    assert {file.name for file in installed.iterdir()} == {"pulumi", "pulumi-language-python"}
    assert subprocess.check_output([installed / "pulumi"], text=True) == f"v{VERSION}\n"
    assert [file.name for file in installed.parent.iterdir()] == ["bin"]

    # It is installed now, so nothing is downloaded.
    shutil.rmtree(mirror.folder)
    assert install(path) == (0, f"Pulumi CLI: {installed / 'pulumi'}, version {VERSION}\n")


@pytest.mark.parametrize(
    "content", [archive("6.6.6"), archive(VERSION)[:-20], b"<html>Sign in</html>"]
)
def test_a_release_with_a_wrong_checksum_is_not_installed(
    tmp_path: Path, mirror: Mirror, install: Install, path: Path, content: bytes
) -> None:
    mirror.holds(content)
    has(path, b"#!/bin/sh\necho go was called\n", "go")
    status, printed = install(path)
    assert status == 1
    assert f"has the SHA-256 checksum {hashlib.sha256(content).hexdigest()}" in printed
    assert f"{mirror.url}/v{VERSION}/{mirror.name}" in printed
    assert "Nothing was installed" in printed
    assert "go was called" not in printed
    assert list((tmp_path / ".pulumi").iterdir()) == []


def test_go_builds_the_cli_if_the_release_is_unreachable(install: Install, path: Path) -> None:
    has(path, b"#!/bin/sh\necho go was called >&2; exit 1\n", "go")
    status, printed = install(path)
    assert status == 1
    assert "cannot install the release (HTTP Error 404: File not found)" in printed
    assert "go was called" in printed


def test_without_release_and_go_the_error_names_what_to_install(
    tmp_path: Path, install: Install, path: Path
) -> None:
    status, printed = install(path)
    assert status == 1
    assert f"Install version {VERSION} or later as https://www.pulumi.com/docs/install/" in printed
    assert list((tmp_path / ".pulumi").iterdir()) == []


@pytest.mark.parametrize("version", [VERSION, "3.250.1", "3.1000.0", "4.0.0-alpha.1+abc"])
def test_a_pulumi_on_path_of_the_pinned_version_or_later_is_used(
    tmp_path: Path, install: Install, path: Path, version: str
) -> None:
    command = has(path, program(version))
    assert install(path) == (0, f"Pulumi CLI: {command}, version {version}\n")
    assert not (tmp_path / ".pulumi").exists()


@pytest.mark.parametrize(
    ("source", "reported"),
    [
        (program("3.249.9"), "is version 3.249.9"),
        (program("3.25.0"), "is version 3.25.0"),
        (program("3.250.0-beta.1"), "is version 3.250.0-beta.1"),
        (b"#!/bin/sh\necho no version is set >&2; exit 126\n", "prints no version"),
        (b"\x7fELF", "prints no version"),
    ],
)
def test_an_older_pulumi_on_path_is_not_used(
    tmp_path: Path, mirror: Mirror, install: Install, path: Path, source: bytes, reported: str
) -> None:
    command = has(path, source)
    mirror.holds(archive(VERSION))
    status, printed = install(path)
    assert status == 0, printed
    assert f"{command} {reported}; this project needs {VERSION} or later\n" in printed
    assert (tmp_path / ".pulumi/bin/pulumi").read_bytes() == program(VERSION)


def test_an_old_installation_is_replaced(
    tmp_path: Path, mirror: Mirror, install: Install, path: Path
) -> None:
    installed = tmp_path / ".pulumi/bin"
    installed.mkdir(parents=True)
    has(installed, program("3.100.0"))
    has(installed, b"", "of-the-old-release")
    mirror.holds(archive(VERSION))
    status, printed = install(path)
    assert status == 0, printed
    assert {file.name for file in installed.iterdir()} == {"pulumi", "pulumi-language-python"}
    assert (installed / "pulumi").read_bytes() == program(VERSION)


def test_without_go_the_hosts_that_are_not_on_path_are_named(install: Install, path: Path) -> None:
    command = has(path, b"", "pulumi-language-java")
    status, printed = install(path, "--hosts")
    assert status == 0
    assert f"pulumi-language-java: {command}\n" in printed
    missing = re.findall(
        r"^pulumi-language-(\w+): it is not on PATH\. Install", printed, re.MULTILINE
    )
    assert missing == ["go", "nodejs", "yaml"]


def test_go_builds_the_hosts_that_are_not_on_path(install: Install, path: Path) -> None:
    has(path, b"#!/bin/sh\necho go was called with $6 >&2\n", "go")
    status, printed = install(path, "--hosts")
    assert status == 0
    assert re.findall(r"go was called with .*/(pulumi-language-\w+)", printed) == [
        f"pulumi-language-{language}" for language in ("go", "java", "nodejs", "yaml")
    ]


def test_every_platform_has_a_checksum_of_the_pinned_version() -> None:
    required = re.findall(r"pulumi/(?:pkg|sdk)/v3 v(\S+)", (TOOL / "go.mod").read_text())
    assert required == [VERSION, VERSION]
    lines = re.findall(r"^[0-9a-f]{64}  (\S+)$", CHECKSUMS.read_text(), flags=re.MULTILINE)
    assert sorted(lines) == [f"pulumi-v{VERSION}-{name}.tar.gz" for name in PLATFORMS]

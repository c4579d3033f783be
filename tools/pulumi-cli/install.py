"""Put the Pulumi CLI into `.pulumi/bin`, unless one that is new enough is on PATH.

The version that `go.mod` beside this file requires is the oldest that is taken from PATH, and the
one that is installed. Pulumi's release comes first: its archive is unpacked only if it has the
SHA-256 checksum that `checksums.txt` lists. Where the release cannot be reached and Go is there,
the CLI is built from the Go module proxy, which takes about five minutes, once.

To move to another version, require it in `go.mod`, run `go mod tidy`, and replace the lines of
`checksums.txt` with those of `pulumi-v<version>-checksums.txt`, a file of the release on GitHub.

With `--hosts`, put the other language hosts into `.pulumi-hosts`, unless they are on PATH:
Pulumi's release has them, the CLI that is built here has not. The Go module proxy does not serve
the newest of each, so these are older than the CLI, and .NET's is not among them.

PULUMI_CLI_MIRROR is the address of a mirror of https://github.com/pulumi/pulumi/releases/download.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path

from semver import VersionInfo

HERE = Path(__file__).resolve().parent
HOME = HERE.parents[1] / ".pulumi"
BIN = HOME / "bin"
HOSTS = HERE.parents[1] / ".pulumi-hosts"

RELEASES = "https://github.com/pulumi/pulumi/releases/download"
PLATFORMS = {
    ("Linux", "x86_64"): "linux-x64",
    ("Linux", "aarch64"): "linux-arm64",
    ("Darwin", "x86_64"): "darwin-x64",
    ("Darwin", "arm64"): "darwin-arm64",
}

CLI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
SDK = "github.com/pulumi/pulumi/sdk/v3"
PYTHON_HOST = f"{SDK}/python/cmd/pulumi-language-python"
OTHER_HOSTS = {
    "go": f"{SDK}/go/pulumi-language-go",
    "java": "github.com/pulumi/pulumi-java/pkg/cmd/pulumi-language-java",
    "nodejs": f"{SDK}/nodejs/cmd/pulumi-language-nodejs",
    "yaml": "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
}


class WrongArchiveError(Exception):
    """What was downloaded is not the archive that `checksums.txt` describes."""


def main() -> int:
    """Find, install or build what is asked for; exit status 1 where the CLI cannot be had."""
    if "--hosts" in sys.argv[1:]:
        for language in OTHER_HOSTS:
            _find_or_build_host(language)
        return 0
    return _find_or_install_cli()


def _find_or_build_host(language: str) -> None:
    command = f"pulumi-language-{language}"
    path = os.pathsep.join([str(BIN), str(HOSTS), os.environ.get("PATH", "")])
    if found := shutil.which(command, path=path):
        print(f"{command}: {found}")
    elif not shutil.which("go"):
        print(
            f"{command}: it is not on PATH. Install Pulumi's release, or Go"
            " (https://go.dev/doc/install) to have it built here.",
        )
    else:
        print(f"{command}: building it with Go; this takes a minute or two, once", flush=True)
        HOSTS.mkdir(exist_ok=True)
        _go_build(HERE / f"language-{language}", OTHER_HOSTS[language], "-s -w", HOSTS)


def _find_or_install_cli() -> int:
    version = _pinned_version()
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
    if found := shutil.which("pulumi", path=path):
        found_version = _version_of(found)
        if found_version and VersionInfo.parse(found_version) >= VersionInfo.parse(version):
            print(f"Pulumi CLI: {found}, version {found_version}")
            return 0
        shown = f"is version {found_version}" if found_version else "prints no version"
        print(f"Pulumi CLI: {found} {shown}; this project needs {version} or later")
    print(f"Pulumi CLI: installing {version} into {HOME}", flush=True)
    try:
        _install_release(version)
        return 0
    except WrongArchiveError as error:
        print(
            f"Pulumi CLI: {error} Nothing was installed. Check which server or proxy answers for"
            f" that address, or install version {version} or later as"
            " https://www.pulumi.com/docs/install/ says, and run this again.",
            file=sys.stderr,
        )
        return 1
    except (OSError, http.client.HTTPException) as error:
        print(f"Pulumi CLI: cannot install the release ({error})", flush=True)
    if not shutil.which("go"):
        print(
            f"Pulumi CLI: it is not installed. Install version {version} or later as"
            " https://www.pulumi.com/docs/install/ says, or install Go"
            " (https://go.dev/doc/install) to have it built here, and run this again.",
            file=sys.stderr,
        )
        return 1
    print(
        "Pulumi CLI: building it with Go instead; this takes about five minutes, once", flush=True
    )
    _build(version)
    return 0


def _pinned_version() -> str:
    pinned = re.search(r"pulumi/pkg/v3 v(\S+)", (HERE / "go.mod").read_text())
    if pinned is None:
        raise SystemExit("tools/pulumi-cli/go.mod requires no version of the Pulumi CLI")
    return pinned[1]


def _version_of(command: str) -> str | None:
    """The version that a `pulumi` prints, or None where it does not start or prints none."""
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"}
    try:
        finished = subprocess.run(
            [command, "version"], env=environment, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    printed = finished.stdout.strip().removeprefix("v")
    return printed if VersionInfo.is_valid(printed) else None


def _install_release(version: str) -> None:
    """Download, verify and unpack the release for this machine.

    Raises OSError or HTTPException if the download fails, WrongArchiveError if the checksum is
    another.
    """
    machine = (platform.system(), platform.machine())
    if machine not in PLATFORMS:
        raise OSError(f"no checksum is pinned for {' '.join(machine)}")
    archive = f"pulumi-v{version}-{PLATFORMS[machine]}.tar.gz"
    expected = _pinned_checksum(archive)
    address = f"{os.environ.get('PULUMI_CLI_MIRROR', RELEASES)}/v{version}/{archive}"
    HOME.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HOME) as folder:
        downloaded = Path(folder) / archive
        with urllib.request.urlopen(address, timeout=60) as answer, downloaded.open("wb") as file:
            shutil.copyfileobj(answer, file)
        checksum = hashlib.sha256(downloaded.read_bytes()).hexdigest()
        if checksum != expected:
            raise WrongArchiveError(
                f"{address} answered with a file that has the SHA-256 checksum {checksum};"
                f" tools/pulumi-cli/checksums.txt has {expected}."
            )
        unpacked = Path(folder) / "bin"
        unpacked.mkdir()
        with tarfile.open(downloaded) as content:
            for member in content:
                if file_of_it := content.extractfile(member):
                    path = unpacked / Path(member.name).name
                    path.write_bytes(file_of_it.read())
                    path.chmod(0o755)
        # In one step, as the presence of `pulumi` says that all is there.
        shutil.rmtree(BIN, ignore_errors=True)
        unpacked.rename(BIN)
    print(f"Pulumi CLI: {BIN / 'pulumi'}, version {version}, its checksum verified")


def _pinned_checksum(archive: str) -> str:
    for line in (HERE / "checksums.txt").read_text().splitlines():
        checksum, name = line.split()
        if name == archive:
            return checksum
    raise SystemExit(f"tools/pulumi-cli/checksums.txt has no checksum of {archive}")


def _build(version: str) -> None:
    BIN.mkdir(parents=True, exist_ok=True)
    _go_build(HERE / "language-python", PYTHON_HOST, "-s -w")
    sdk = _module_folder(SDK)
    for script in (
        "python/cmd/pulumi-language-python-exec",
        "python/dist/pulumi-resource-pulumi-python",
    ):
        copy = BIN / Path(script).name
        shutil.copyfile(sdk / script, copy)
        copy.chmod(0o755)
    # Last, as its presence says that all is there.
    _go_build(HERE, CLI, f"-s -w -X {SDK}/go/common/version.Version=v{version}")


def _go_build(module: Path, command: str, link_flags: str, folder: Path = BIN) -> None:
    # Go verifies what it downloads: the build fails where a module has another checksum than in
    # go.sum, or none there.
    subprocess.run(
        ["go", "build", "-o", f"{folder}{os.sep}", "-ldflags", link_flags, command],
        cwd=module,
        env={**os.environ, "CGO_ENABLED": "0"},
        check=True,
    )


def _module_folder(module: str) -> Path:
    subprocess.run(["go", "mod", "download", module], cwd=HERE, check=True)
    folder = subprocess.check_output(
        ["go", "list", "-m", "-f", "{{.Dir}}", module], cwd=HERE, text=True
    )
    return Path(folder.strip())


if __name__ == "__main__":
    sys.exit(main())

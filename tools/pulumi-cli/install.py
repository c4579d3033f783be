"""Put the Pulumi CLI into `.pulumi/bin`, unless there is one on PATH.

The official installer comes first. Where it cannot be reached and Go is there, the CLI is built
from the Go module proxy, which takes about five minutes, once. The version of both is the one that
`go.mod` beside this file requires.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOME = HERE.parents[1] / ".pulumi"
BIN = HOME / "bin"

CLI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
SDK = "github.com/pulumi/pulumi/sdk/v3"
PYTHON_HOST = f"{SDK}/python/cmd/pulumi-language-python"


def main() -> int:
    """Find, install or build the CLI; exit status 1 where none of it is possible."""
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
    if found := shutil.which("pulumi", path=path):
        print(f"Pulumi CLI: {found}")
        return 0
    version = _pinned_version()
    print(f"Pulumi CLI: none on PATH, installing {version} into {HOME}", flush=True)
    if _installed_officially(version):
        return 0
    if not shutil.which("go"):
        print(
            "Pulumi CLI: could not be installed. Install it as"
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


def _installed_officially(version: str) -> bool:
    from pulumi.automation import PulumiCommand
    from semver import VersionInfo

    try:
        PulumiCommand.install(root=str(HOME), version=VersionInfo.parse(version))
    except Exception as error:  # whatever it is, the build is what is left to try
        print(f"Pulumi CLI: the official installer did not serve ({error})", flush=True)
        return False
    return True


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


def _go_build(module: Path, command: str, link_flags: str) -> None:
    subprocess.run(
        ["go", "build", "-o", f"{BIN}{os.sep}", "-ldflags", link_flags, command],
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

"""Draws the pictures of the documentation into docs/pictures: `make pictures`.

run.svg shows how a run flows, drawn by Graphviz from run.dot. emulator.png shows the page of the
emulator after the calls of the quickstart, as headless Chromium renders it. emulator.sha256 has the
digest of the page's template, as sha256sum writes it: a test fails once the picture is out of date.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from entra_emulator import Emulator

REPOSITORY = Path(__file__).parents[2]
PICTURES = REPOSITORY / "docs/pictures"
TEMPLATE = REPOSITORY / "provider/entra_emulator/observe/page.html.jinja"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
WINDOW = "1100,1100"


def program(package: str, *names: str) -> str:
    """The path of the first of these programs that is installed. Exits if none is."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        sys.exit(f"make pictures needs {names[0]}: install {package}.")
    return found


def draw_run(dot: str) -> None:
    """Draw run.svg."""
    subprocess.run(
        [dot, "-Tsvg", f"-o{PICTURES / 'run.svg'}", Path(__file__).with_name("run.dot")], check=True
    )


def run_quickstart(emulator: Emulator, folder: Path) -> None:
    """Run the quickstart on this emulator, in a copy, so that the page shows its calls."""
    shutil.copyfile(REPOSITORY / "Pulumi.yaml", folder / "Pulumi.yaml")
    shutil.copytree(REPOSITORY / "examples/quickstart", folder / "examples/quickstart")
    script = (folder / "examples/quickstart/quickstart.sh").read_text()
    before, after = script.split("entra-emulator run --state .quickstart/tenant.json -- ")
    subprocess.run(
        ["sh", "-c", before + after],
        cwd=folder,
        env={**os.environ, **emulator.environment, "PULUMI_HOME": str(folder / "home")},
        check=True,
    )


def take_screenshot(chromium: str, url: str, folder: Path) -> None:
    """Take emulator.png."""
    options = [
        "--headless",
        "--hide-scrollbars",
        "--ignore-certificate-errors",  # the emulator made its certificate authority just now
        f"--user-data-dir={folder / 'chromium'}",
        f"--window-size={WINDOW}",
        f"--screenshot={PICTURES / 'emulator.png'}",
    ]
    if os.geteuid() == 0:
        options.append("--no-sandbox")  # Chromium refuses root otherwise
    subprocess.run([chromium, *options, url], check=True, timeout=120, capture_output=True)


def record_template() -> None:
    """Write emulator.sha256."""
    digest = hashlib.sha256(TEMPLATE.read_bytes()).hexdigest()
    line = f"{digest}  {TEMPLATE.relative_to(REPOSITORY)}\n"
    (PICTURES / "emulator.sha256").write_text(line)


def main() -> None:
    """Draw both pictures."""
    dot, chromium = program("Graphviz", "dot"), program("Chromium", *CHROMIUM)
    PICTURES.mkdir(exist_ok=True)
    draw_run(dot)
    with tempfile.TemporaryDirectory() as name, Emulator() as emulator:
        run_quickstart(emulator, Path(name))
        take_screenshot(chromium, emulator.url, Path(name))
    record_template()


if __name__ == "__main__":
    main()

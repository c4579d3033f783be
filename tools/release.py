"""Compare a tag with the versions that the repository names, and print the notes of that version.

`python tools/release.py v1.2.3` prints the section of CHANGELOG.md. Where something differs, it
prints every difference and ends with status 1.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]


def main() -> int:
    """Print the notes or what is wrong."""
    (tag,) = sys.argv[1:]
    version = tag.removeprefix("v")
    schema = json.loads((ROOT / "provider/pulumi_entra_provisioning/schema.json").read_text())
    (package,) = re.findall(
        r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
    )
    changelog = (ROOT / "CHANGELOG.md").read_text()
    heading, _, notes = changelog.partition("\n## ")[2].partition("\n")

    problems = []
    if not re.fullmatch(r"v\d+\.\d+\.\d+", tag):
        problems.append(f"The tag {tag} is not v and a version, such as v1.2.3.")
    if package != version:
        problems.append(f"pyproject.toml has version {package}.")
    if schema["version"] != version:
        problems.append(f"The schema has version {schema['version']}: run `make schema`.")
    if not re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", heading):
        problems.append(f"CHANGELOG.md begins with {heading}, not with {version} and a date.")
    if schema["publisher"] == "example":
        problems.append("tools/schema.py has a placeholder for OWNER.")
    if problems:
        print(f"{tag} cannot be released.", *problems, sep="\n", file=sys.stderr)
        return 1
    print(notes.partition("\n## ")[0].strip())
    return 0


if __name__ == "__main__":
    sys.exit(main())

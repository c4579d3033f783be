"""The helpers of the layer tests find wrong imports in small packages."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.imports import circle, circle_of_layers, imports_of, upward


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"low/a.py": "from ..high import b", "high/b.py": ""}, ["low.a imports high.b"]),
        ({"low/a.py": "from ..high.b import x", "high/b.py": ""}, ["low.a imports high.b"]),
        (
            {"low/a.py": "def f():\n    from ..high import b", "high/b.py": ""},
            ["low.a imports high.b"],
        ),
        (
            {"low/a.py": "if TYPE_CHECKING:\n    from ..high.b import x", "high/b.py": ""},
            ["low.a imports high.b"],
        ),
        ({"low/a.py": "from .. import x"}, ["low.a imports __init__"]),
        ({"high/b.py": "from ..low.a import x", "low/a.py": ""}, []),
    ],
)
def test_upward_finds_an_import_anywhere_in_a_file(
    files: dict[str, str], found: list[str], tmp_path: Path
) -> None:
    written(tmp_path, files)
    assert upward(imports_of(tmp_path), ["__init__", "high", "low"]) == found


@pytest.mark.parametrize(
    "files",
    [
        {"low/a.py": "from . import c", "low/c.py": "from .a import x"},
        {"low/a.py": "from .c import x", "low/c.py": "def f():\n    from . import a"},
        {"high/b.py": "from ..low.a import x", "low/a.py": "from ..high.b import x"},
    ],
)
def test_circle_finds_the_modules(files: dict[str, str], tmp_path: Path) -> None:
    written(tmp_path, files)
    assert set(circle(imports_of(tmp_path))) == {
        name.removesuffix(".py").replace("/", ".") for name in files
    }


def test_circle_of_layers_finds_a_circle_that_no_module_is_in(tmp_path: Path) -> None:
    files = {
        "high/b.py": "from ..low.a import x",
        "high/d.py": "",
        "low/a.py": "",
        "low/c.py": "from ..high.d import x",
    }
    written(tmp_path, files)
    imports = imports_of(tmp_path)
    assert circle(imports) == []
    assert set(circle_of_layers(imports)) == {"high", "low"}


def written(folder: Path, files: dict[str, str]) -> None:
    for name, text in {"__init__.py": "", **files}.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def test_an_import_of_an_undeclared_layer_fails(tmp_path: Path) -> None:
    written(tmp_path, {"low/a.py": "from ..new import b", "new/b.py": ""})
    with pytest.raises(KeyError, match="new"):
        upward(imports_of(tmp_path), ["__init__", "low"])

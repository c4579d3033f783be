"""YAML files, read strictly and within limits."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import yaml

_SIZE_LIMIT = 1 << 20
_DIGITS_LIMIT = 64


def read(path: Path) -> Any:
    """The content of the file.

    ValueError, in one line, if the file cannot be read, is larger than a megabyte, repeats a name
    in a mapping, or has aliases or very long numbers: a few of those take minutes and gigabytes.
    The error quotes no value: it may be a secret.
    """
    content = _read_bytes(path)
    try:
        loader = _Loader(content.decode("utf-8"))
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        where = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise ValueError(f"{path} is not valid YAML: {error.problem}{where}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ValueError(f"{path} is not valid YAML") from None


def _read_bytes(path: Path) -> bytes:
    # Without O_NONBLOCK, opening a FIFO blocks until another process writes to it.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ValueError(f"{path} is not a regular file")
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(_SIZE_LIMIT + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > _SIZE_LIMIT:
        raise ValueError(f"{path} is larger than {_SIZE_LIMIT} bytes")
    return content


class _Loader(yaml.SafeLoader):
    """PyYAML's own loader silently keeps the last of two fields with the same name."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            problem = "aliases are not supported; repeat the value instead"
            mark = self.get_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, problem, mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    problem = f"{key.value!r} appears twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _number(loader: _Loader, node: yaml.ScalarNode) -> float:
    # In YAML, 1:59:59 is a number in base 60. One of a megabyte takes minutes to read.
    if len(node.value) > _DIGITS_LIMIT:
        problem = f"a number has more than {_DIGITS_LIMIT} digits"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
    is_integer = node.tag.endswith(":int")
    read = loader.construct_yaml_int if is_integer else loader.construct_yaml_float
    number: float = read(node)
    return number


for _tag in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _number)

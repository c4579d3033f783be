"""YAML files, read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def read(path: Path) -> Any:
    """The document in the file. ValueError if it is none, or if a name stands twice in a mapping.

    Its one line quotes no value: what is written there may be a secret.
    """
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        where = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise ValueError(f"{path} is not YAML: {error.problem}{where}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ValueError(f"{path} is not YAML") from None


class _Loader(yaml.SafeLoader):
    """YAML's own loader keeps the last of two fields of one name, and says nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    problem = f"{key.value!r} stands there twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)

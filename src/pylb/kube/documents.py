"""YAML documents, read safely: an alias bomb is refused before anything of it is built.

All functions raise what PyYAML raises: YAMLError, and for scalars that contradict their tag ValueError, AttributeError or
LookupError; RecursionError for a text that is nested too deeply. WRONG names them all.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

from pylb.core.growth import MAX_NODES, outgrows

WRONG = (yaml.YAMLError, RecursionError, ValueError, AttributeError, LookupError)
_KEPT_TAGS = frozenset({"tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"})


class Texts(yaml.SafeLoader):
    """Scalars stay the texts that stand there, but for null: YAML 1.1 reads `64512:1` as a number to the base of 60,
    `0123` as octal, and `no` as false. A key that stands twice in a mapping is refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:str":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key.value!r} stands twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


Texts.yaml_implicit_resolvers = {
    first: [entry for entry in entries if entry[0] in _KEPT_TAGS]
    for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(text: str | bytes) -> Any:
    """The plain value of a document; None for an empty one."""
    return _read(yaml.SafeLoader(text))


def read_texts(text: str | bytes) -> Any:
    """The value of a document whose scalars are texts (see Texts); None for an empty one."""
    return _read(Texts(text))


def _read(loader: yaml.SafeLoader) -> Any:
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        if outgrows(root):
            raise yaml.YAMLError(f"its aliases would make it larger than {MAX_NODES} values")
        return loader.construct_document(root)
    finally:
        loader.dispose()

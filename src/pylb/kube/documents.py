"""One YAML document, read safely: an alias bomb is refused before anything of it is built."""

from __future__ import annotations

from typing import Any

import yaml

from pylb.core.growth import MAX_NODES, outgrows


def read(text: str | bytes) -> Any:
    """The plain value of a document; None for an empty one.

    Raises what PyYAML raises: YAMLError, and for scalars that contradict their tag ValueError, AttributeError or
    LookupError; RecursionError for a text that is nested too deeply.
    """
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        if outgrows(root):
            raise yaml.YAMLError(f"its aliases would make it larger than {MAX_NODES} values")
        return loader.construct_document(root)
    finally:
        loader.dispose()

"""How large a YAML document becomes when its aliases and merge keys are written out: kilobytes of text can be gigabytes.

It knows the shape of a node graph as PyYAML composes it (`value` is a text, a list of nodes or a list of pairs) and not
PyYAML itself, which stays with those who read files.
"""

from __future__ import annotations

from typing import Any

MAX_NODES = 500_000  # of a document, aliases written out; 4 MiB of kubeconfig without any have less


def outgrows(root: Any, limit: int = MAX_NODES) -> bool:
    """Whether a composed document has more nodes than `limit` once written out; one that holds itself has no end.

    Time and space are those of the text. Raises RecursionError for a nesting that its composer could hardly follow.
    """
    return _size(root, {}, limit) > limit


def _size(node: Any, known: dict[int, int], limit: int) -> int:
    """The nodes below and including `node`; `known` are those that were counted, by id."""
    if node is None or isinstance(node.value, str):
        return 1
    size = known.get(id(node))
    if size is not None:
        return size
    known[id(node)] = limit + 1  # for whoever meets it again inside of itself
    size = 1
    for entry in node.value:
        for part in entry if isinstance(entry, tuple) else (entry,):
            size += _size(part, known, limit)
    known[id(node)] = size
    return size

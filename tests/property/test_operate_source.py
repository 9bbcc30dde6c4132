"""Whatever somebody imports: it is one old ConfigMap, or WrongInput says in a line why not."""

from __future__ import annotations

import contextlib

import yaml
from hypothesis import given
from hypothesis import strategies as st

from pylb.core.legacy.conversion import POOL_KEYS, TOP_KEYS
from pylb.operate import importing, source
from pylb.operate.importing import Wish
from pylb.operate.orders import WrongInput

WORDS = st.sampled_from(
    [
        *sorted(TOP_KEYS | POOL_KEYS),
        *(
            "apiVersion: v1",
            "kind: ConfigMap",
            "kind: List",
            "items:",
            "metadata:",
            "data:",
            "config",
            ": ",
            ": |",
            "- ",
        ),
        *(
            "\n",
            "\n  ",
            "\n    ",
            "---\n",
            "[",
            "]",
            "{",
            "}",
            "&a ",
            "*a",
            "<<: ",
            "!!int ",
            "? ",
            "'",
            '"',
            "#",
            "x",
            "7",
        ),
    ]
)
TEXTS = st.lists(WORDS, max_size=30).map("".join) | st.text()
BYTES = st.binary() | TEXTS.map(str.encode)


@given(BYTES)
def test_any_bytes(content: bytes) -> None:
    try_it(content)


@given(TEXTS)
def test_any_text_inside_of_a_configmap(text: str) -> None:
    head = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "config"}}
    with contextlib.suppress(yaml.YAMLError):  # some characters cannot be written
        try_it(yaml.safe_dump({**head, "data": {"config": text}}).encode())


def try_it(content: bytes) -> None:
    said = ""
    try:
        old = source.find("x", content)
        _, faults = importing.prepare(old, Wish())
    except WrongInput as error:
        said = str(error)
    assert "\n" not in said
    if not said:
        places = old.places()
        assert all(places is None or places.find(fault.place).line >= 1 for fault in faults)

"""Lines of a stream, however it was cut."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylb.kube import lines
from pylb.kube.errors import ServerError, Unreachable


async def parts(*data: bytes) -> AsyncIterator[bytes]:
    for part in data:
        yield part


async def collect(*data: bytes) -> list[bytes]:
    return [line async for line in lines.split_lines(parts(*data))]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ((), []),
        ((b"a\n",), [b"a"]),
        ((b"a\nb\n",), [b"a", b"b"]),
        ((b"a", b"b\nc", b"\n"), [b"ab", b"c"]),
        ((b"\n\n", b"a\n"), [b"", b"", b"a"]),
        ((b"a\n", b"  "), [b"a"]),
    ],
)
async def test_lines(data: tuple[bytes, ...], expected: list[bytes]) -> None:
    assert await collect(*data) == expected


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line)), st.data())
async def test_any_cut(written: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(line + b"\n" for line in written)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)))))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert await collect(*pieces) == written


async def test_an_end_in_a_line_is_a_broken_stream() -> None:
    with pytest.raises(Unreachable, match="middle of a line"):
        await collect(b"a\nb")


async def test_a_line_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LINE_MAX", 10)
    assert await collect(b"x" * 9, b"\n") == [b"x" * 9]
    with pytest.raises(ServerError) as caught:
        await collect(*[b"x"] * 12)
    assert caught.value.reason == "TooLarge"

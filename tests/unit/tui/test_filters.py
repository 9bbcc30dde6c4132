"""The filter: words, columns, patterns, and what cannot be read."""

from __future__ import annotations

import pytest

from pylb.tui import filters

ROW = {"st": "PEND", "ns": "media", "svc": "media/jellyfin-b", "ip": "fd00:10::102", "node": "rpi2", "how": "auto"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", True),
        ("jelly", True),
        ("JELLY media", True),
        ("jelly web", False),
        ("ns:media", True),
        ("ns:web", False),
        ("!ns:web", True),
        ("!jelly", False),
        ("pool:iot", False),  # a table without pools keeps nothing of a pool
        ("!pool:iot", True),
        ("how:auto", True),  # a column of this table alone
        ("fd00:10", True),  # colons of an address name no column
        ("ip:fd00:10::102", True),
        ("re:^media/", True),
        ("re:^jelly", False),
        ("node:re:^rpi[13]$", False),
        ("node:re:^RPI[23]$", True),
        ("!node:re:^rpi2$", False),
        ("!re:^web", True),
        ("re:[ jelly", True),  # what is not finished yet keeps everything, the rest is looked for
        ("re:[ web", False),
        ("!", False),
        (":", True),
    ],
)
def test_what_a_filter_keeps(text: str, kept: bool) -> None:
    assert filters.keeps(text, ROW) is kept


def test_a_broken_pattern_is_told() -> None:
    assert filters.parse("jelly").broken == ""
    assert filters.parse("re:(").broken.startswith("re:(: ")
    assert filters.parse("re:" + "(" * 200).broken


def test_a_slip_in_a_filter_that_is_typed_whole_is_told() -> None:
    states = ("CONF", "PEND")
    assert [filters.wrong(text, states) for text in ("", "nope", "st:pen", "!st:CONF", "st:re:^C", "fd77:1")] == [
        ""
    ] * 6
    assert filters.wrong("ns:web st:nope", states) == "'nope' is no state; there are conf, pend"
    assert filters.wrong("re:[", states).startswith("this pattern cannot be read: re:[: ")


def test_only_so_many_words_count() -> None:
    assert filters.keeps(" ".join(["media"] * filters.MAX_WORDS + ["nothing"]), ROW)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(a+)+$", "repeats a group"),
        ("(a|aa)*$", "repeats a group"),
        ("(a|aa){20}$", "repeats a group"),
        (r"[)](a+)+$", "repeats a group"),
        (r"[]](a+)+$", "repeats a group"),
        (r"[\]](a+)+$", "repeats a group"),
        (r"[\][](a+)+$", "repeats a group"),
        (r"\[(a+)+$", "repeats a group"),
        ("(a+)(?#[)+$", "has a comment"),
        ("a*a*a*a*b", "has too many"),
        ("a?" * 20 + "a" * 20, "has too many"),
        ("(|a)" * 15 + "b", "has too many"),
        (r"(a*)(a*)\1b", "has too many"),
        ("a" * 81, "has more than 80 characters"),
    ],
)
def test_a_pattern_that_could_freeze_the_screen_is_refused_in_words(pattern: str, why: str) -> None:
    read = filters.parse(f"re:{pattern}")
    assert (read.words, read.broken.startswith(f"re:{pattern}: {why}")) == ((), True)
    assert why in filters.wrong(f"re:{pattern}", ())


@pytest.mark.parametrize(
    "pattern",
    ["^web-.*-prod$", "(web|api|db|mail|dns)", "(?:a|b)?c", "[()+*?|{]+", r"\(\)\+\*.*", "(?P<a>x)y", "[a-z]+[0-9]+"],
)
def test_what_people_type_is_read(pattern: str) -> None:
    assert not filters.parse(f"re:{pattern}").broken


def test_only_the_beginning_of_a_long_text_is_matched() -> None:
    assert not filters.keeps("re:end$", {"why": "x" * 10_000 + "end"})

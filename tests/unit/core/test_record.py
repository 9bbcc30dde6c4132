"""What a node tells of its claims in annotations: written, read again, and read where it is no such thing."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from pylb.core.model import NodeName
from pylb.core.ownership.claims import MAX_TERM, Claim
from pylb.core.ownership.record import MAX_TEXT, Record, Renewal, parse, parse_renewal, render, render_renewal

N1 = NodeName("n1")
ONE, OTHER = ip_address("10.0.0.9"), ip_address("2001:db8::9")
MAC = bytes.fromhex("020000000001")


def test_what_is_written_is_read_again() -> None:
    records = {
        ONE: Record(Claim(N1, 4, taken=True, yields=True), {"eth0": MAC, "eth1": MAC[::-1]}),
        OTHER: Record(Claim(N1, MAX_TERM, provisional=True, restored=True)),
    }
    assert parse(render(records), N1) == records
    renewal = Renewal("ab-7", frozenset({NodeName("n2"), NodeName("n3")}))
    assert parse_renewal(render_renewal(renewal)) == renewal


def test_the_texts_are_short_and_always_the_same() -> None:
    told = {ONE: Record(Claim(N1, 4, taken=True), {"eth0": MAC})}
    assert render(told) == '{"10.0.0.9":{"term":4,"is":["taken"],"mac":{"eth0":"02:00:00:00:00:01"}}}'.replace(
        '"term":4,"is":["taken"],"mac":{"eth0":"02:00:00:00:00:01"}',
        '"is":["taken"],"mac":{"eth0":"02:00:00:00:00:01"},"term":4',
    )
    assert render({}) == ""
    assert render_renewal(Renewal("a-1", frozenset({NodeName("b"), NodeName("a")}))) == (
        '{"stamp":"a-1","unheard":["a","b"]}'
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        "{",
        '{"x":{"term":1}}',
        '{"10.0.0.9":1}',
        '{"10.0.0.9":{}}',
        '{"10.0.0.9":{"term":0}}',
        '{"10.0.0.9":{"term":true}}',
        '{"10.0.0.9":{"term":"1"}}',
        f'{{"10.0.0.9":{{"term":{MAX_TERM + 1}}}}}',
        '{"10.0.0.9":{"term":1,"is":"taken"}}',
        '{"10.0.0.9":{"term":1,"mac":[]}}',
        "[" * 5000,
        '{"10.0.0.9":{"term":1}}' + " " * MAX_TEXT,
    ],
)
def test_what_is_no_record_tells_nothing(text: str) -> None:
    assert parse(text, N1) == {}
    assert parse_renewal(text) is None


def test_what_can_be_understood_of_a_record_counts() -> None:
    text = '{"10.0.0.9":{"term":2,"is":["taken","new"],"mac":{"eth0":"02:00:00:00:00:01","a":"02:00","b":7}},"x":{}}'
    assert parse(text, N1) == {ONE: Record(Claim(N1, 2, taken=True), {"eth0": MAC})}


@pytest.mark.parametrize(
    "text", ['{"stamp":1}', '{"stamp":""}', '{"stamp":"a","unheard":"n1"}', f'{{"stamp":"{"a" * 65}"}}']
)
def test_what_is_no_renewal_is_none(text: str) -> None:
    assert parse_renewal(text) is None

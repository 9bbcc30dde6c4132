"""What the speakers say, put together: who owns an address while one of them is cut off."""

from __future__ import annotations

from typing import Any

from pylb.operate.picture import picture

ADDRESS = "10.0.0.9"


def says(owner: str, term: int, *, mine: bool = False, **more: Any) -> dict[str, Any]:
    return {"state": "active", "addresses": [{"address": ADDRESS, "owner": owner, "term": term, "mine": mine, **more}]}


def test_who_is_cut_off_and_says_so_owns_nothing() -> None:
    told = {"n1": says("", 1, reason="no_link"), "n2": says("n2", 2, mine=True), "n3": says("n2", 2)}
    assert picture(told).places[ADDRESS].owner == "n2"
    del told["n2"]
    assert picture(told).places[ADDRESS].owner == "n2", "n3 has heard of a later claim"

"""Who shows an address: the next one is written after the one that had it, and nobody waits for ever."""

from __future__ import annotations

from pylb.controller.shown import Shown
from pylb.core.model import ServiceKey

A, B, C = (ServiceKey(f"default/{name}") for name in "abc")
X, Y = "10.0.0.1", "10.0.0.2"


def shown(**by: tuple[str, ...]) -> Shown:
    made = Shown()
    for name, addresses in by.items():
        made.change(ServiceKey(f"default/{name}"), (), addresses)
    return made


def test_who_is_to_get_an_address_waits_until_it_is_shown_no_more() -> None:
    made = shown(a=(X,))
    assert made.step(B, (), (X,), lambda key, address: key == A) is None
    assert made.change(A, (X,), (Y,)) == {B}
    assert made.step(B, (), (X,), lambda key, address: key == A) == (X,)
    assert made.change(A, (Y,), ()) == set(), "it waits no more"


def test_who_shares_an_address_waits_for_nobody() -> None:
    assert shown(a=(X,)).step(B, (), (X,), lambda key, address: False) == (X,)


def test_two_that_swap_give_up_before_they_get() -> None:
    made = shown(a=(X,), b=(Y,))
    assert made.step(A, (X,), (Y,), lambda key, address: True) == ()
    made.change(A, (X,), ())
    assert made.step(B, (Y,), (X,), lambda key, address: True) == (X,)
    assert made.change(B, (Y,), (X,)) == {A}


def test_what_a_service_keeps_it_goes_on_showing_while_it_waits() -> None:
    made = shown(a=(X, "fd00::1"), b=(Y,))
    assert made.step(A, (X, "fd00::1"), (Y, "fd00::1"), lambda key, address: True) == ("fd00::1",)


def test_a_service_that_is_gone_is_waited_for_no_more() -> None:
    made = shown(a=(X,))
    made.wait(B, X)
    made.wait(C, X)
    assert made.change(A, (X,), ()) == {B, C}
    assert made.others(B, X) == set()

"""Who shows an address: the next one is written after the one that had it, and nobody waits for ever."""

from __future__ import annotations

import pytest

from pylb.controller.shown import Shown
from pylb.core.model import ServiceKey

A, B, C = (ServiceKey(f"default/{name}") for name in "abc")
X, Y = "10.0.0.1", "10.0.0.2"


class Books:
    """Who gives what up; it counts how often it is asked."""

    def __init__(self, *leavers: ServiceKey) -> None:
        self.leavers, self.asked = set(leavers), 0

    def __call__(self, key: ServiceKey, address: str) -> bool:
        self.asked += 1
        return key in self.leavers


def shown(books: Books, **by: tuple[str, ...]) -> Shown:
    made = Shown(books)
    for name, addresses in by.items():
        made.change(ServiceKey(f"default/{name}"), (), addresses)
    return made


def test_who_is_to_get_an_address_waits_until_it_is_shown_no_more() -> None:
    made = shown(Books(A), a=(X,))
    assert made.step(B, (), (X,)) is None
    assert made.change(A, (X,), (Y,)) == {B}
    assert made.step(B, (), (X,)) == (X,)
    assert made.change(A, (Y,), ()) == set(), "it waits no more"


def test_who_shares_an_address_waits_for_nobody() -> None:
    assert shown(Books(), a=(X,)).step(B, (), (X,)) == (X,)


def test_two_that_swap_give_up_before_they_get() -> None:
    made = shown(Books(A, B), a=(X,), b=(Y,))
    assert made.step(A, (X,), (Y,)) == ()
    made.change(A, (X,), ())
    assert made.step(B, (Y,), (X,)) == (X,)
    assert made.change(B, (Y,), (X,)) == {A}


def test_what_a_service_keeps_it_goes_on_showing_while_it_waits() -> None:
    made = shown(Books(A, B), a=(X, "fd00::1"), b=(Y,))
    assert made.step(A, (X, "fd00::1"), (Y, "fd00::1")) == ("fd00::1",)


def test_who_is_decided_on_anew_is_waited_for_or_not() -> None:
    books = Books()
    made = shown(books, a=(X,))
    books.leavers = {A}
    assert made.look_again(A, (X,)) == set()
    assert made.step(B, (), (X,)) is None
    books.leavers = set()
    assert made.look_again(A, (X,)) == {B}
    assert made.step(B, (), (X,)) == (X,)


def test_an_address_is_waited_for_until_the_last_one_leaves() -> None:
    made = shown(Books(A, C), a=(X,), c=(X,))
    assert made.step(B, (), (X,)) is None
    assert made.change(A, (X,), ()) == set()
    assert made.change(C, (X,), ()) == {B}


@pytest.mark.parametrize("leaving", [0, 1, 500])
def test_thousands_that_share_an_address_are_asked_about_so_often_each(leaving: int) -> None:
    """Not each of them with each one's write: that would be a million."""
    names = [ServiceKey(f"default/{number:04}") for number in range(1000)]
    books = Books()
    made = Shown(books)
    for name in names[:500]:
        made.change(name, (), (X,))
    books.leavers = set(names[:leaving])
    for name in names[:500]:
        made.look_again(name, (X,))
    written = {name for name in names[500:] if made.step(name, (), (X,)) == (X,)}
    for name in names[:leaving]:
        for waiter in made.change(name, (X,), ()):
            assert made.step(waiter, (), (X,)) == (X,)
            written.add(waiter)
    for name in names[500:]:
        made.change(name, (), (X,))
    assert len(written) == 500
    assert books.asked < 5 * len(names)

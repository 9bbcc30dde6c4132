"""What must move nothing, in short; `make soak` plays the same for minutes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

from fakes import endurance, switching
from fakes.cluster import until
from fakes.lan import Lan
from fakes.takeovers import SANE_S
from soak import __main__ as soak

SHORT_S = 5.0  # what a lost beat changes is settled within 2 s
Say = Callable[[str], None]


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with endurance.stage() as made:
        yield made


@pytest.mark.parametrize(
    ("words", "text"),
    [(["noise"], "part 'noise': there are loss, busy, local"), (["--seconds", "0"], "--seconds 0: give more than 0")],
)
def test_soak_says_what_it_does_not_understand(words: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        soak.main(words)
    assert text in capsys.readouterr().err


def quiet(_text: str) -> None:
    """It is over soon."""


def half_of_the_cores() -> set[int]:
    """The other tests that run beside this one have the other half."""
    cores = sorted(os.sched_getaffinity(0))
    return set(cores[: (len(cores) + 1) // 2])


def test_a_fifth_of_all_frames_is_lost_and_nothing_moves(lan: Lan, say: Say) -> None:
    saw = endurance.lossy(lan, SHORT_S, quiet)
    say(str(saw))
    assert saw.is_calm, saw


def test_a_node_is_lost_where_a_fifth_of_all_frames_is(lan: Lan, say: Say) -> None:
    """It is replaced all the same, somewhat later."""
    [address, *_] = endurance.shared(lan)
    owner = lan.owner(address)
    with lan.asker(address) as asker:
        switching.lose_frames(lan, endurance.LOST_PERCENT)
        try:
            lossy = time.monotonic() + SHORT_S / 2
            until("the loss is noticed", lambda: time.monotonic() > lossy)
            cut = time.time()
            lan.lab.cut(owner)
            elsewhere = lambda: [at for at, mac in asker.answers() if mac != lan.mac(owner)]
            [first, *_] = until("another answers", elsewhere)
        finally:
            switching.pass_frames(lan)
            lan.lab.mend(owner)
        lan.settled()
        asker.stop()
    say(f"answered elsewhere after {(first - cut) * 1000:.0f} ms")
    assert first - cut < SANE_S
    assert owner not in lan.claims(address)


def test_busy_loops_move_nothing(lan: Lan, say: Say) -> None:
    saw = endurance.busy(lan, SHORT_S, quiet, half_of_the_cores())
    say(str(saw))
    assert saw.is_calm, saw

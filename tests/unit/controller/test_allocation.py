"""MetalLB's allocation step by step, each rule played on the controller's books (`fakes.allocation_rules`).

Every play is settled twice after each of its steps (`fakes.allocating`), and at its end the controller is started anew
from what is recorded, which may change nothing.
"""

from __future__ import annotations

import pytest

from fakes import allocation_rules, sharing_rules
from fakes.allocating import Play
from fakes.allocation_rules import P, of
from fakes.world import pool

ROWS = {**allocation_rules.ROWS, **sharing_rules.ROWS}


@pytest.mark.parametrize("rule", ROWS)
def test_rule(rule: str) -> None:
    play, expected = ROWS[rule]
    played = play()
    assert played.all == expected
    assert played.restart().all == expected, "after a restart it is otherwise"


def test_a_wish_that_waits_is_told_and_says_what_stays() -> None:
    played = Play(P).put(of("a"), of("b")).put(of("b", PIN="10.0.0.0"))
    [notice] = played.told["b"]
    assert (notice.type, notice.reason) == ("Warning", "AllocationFailed")
    assert 'address also in use by default/a; it keeps ["10.0.0.1"] until then; ' in notice.message


def test_whoever_waits_for_a_new_address_keeps_the_old_one_from_others() -> None:
    """Also where a controller that starts finds somebody first who needs one."""
    held = (
        of("a", ingress=("10.9.9.9",)),
        of("b", PIN="10.0.0.1", ingress=("10.0.0.0",)),
        of("c", ingress=("10.0.0.1",)),
    )
    played = Play(pool("p", "10.0.0.0/31")).put(*held)
    assert played.all == {"a": [], "b": ["10.0.0.0"], "c": ["10.0.0.1"]}

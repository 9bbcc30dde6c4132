"""Which frame answers which question, and how long one waits."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface

import pytest

from pylb.core.ownership.questions import Answer, Question, Subject
from pylb.speaker import asked as module
from pylb.speaker.arp import Heard
from pylb.speaker.asked import PATIENCE, Asked, sender
from pylb.speaker.links import Link

OWNER, OTHER = bytes.fromhex("02000a4d000d"), bytes.fromhex("02000a4d000e")
ONE, TWO = IPv4Address("10.77.0.100"), IPv4Address("10.77.0.101")
OWNED = Question(Subject.ADDRESS, "eth0", ONE, "n2", OWNER)
ROUTER = Question(Subject.WITNESS, "eth0", ONE)
PROBE = Question(Subject.PROBE, "eth0", ONE)
REPLY = Heard(ONE, OWNER, first_hand=True, to_us=True)
NOW = 1000.0


def waiting(*questions: Question) -> Asked:
    asked = Asked()
    assert all(asked.put(question, NOW) for question in questions)
    return asked


@pytest.mark.parametrize(
    ("question", "heard", "link", "counts"),
    [
        (OWNED, REPLY, "eth0", True),
        (OWNED, replace(REPLY, mac=OTHER), "eth0", True),  # whose MAC it is, the asker judges
        (OWNED, replace(REPLY, first_hand=False), "eth0", False),  # a stand-in's, for a dead owner
        (OWNED, replace(REPLY, to_us=False), "eth0", False),
        (OWNED, replace(REPLY, address=TWO), "eth0", False),
        (OWNED, REPLY, "wlan0", False),
        (ROUTER, REPLY, "eth0", True),
        (ROUTER, replace(REPLY, first_hand=False), "eth0", True),
        (ROUTER, replace(REPLY, to_us=False), "eth0", False),
        (PROBE, replace(REPLY, first_hand=False), "eth0", True),  # "mine, stood in"
        (PROBE, replace(REPLY, to_us=False), "eth0", True),  # an announcement
        (PROBE, REPLY, "wlan0", False),
    ],
)
def test_what_counts_as_an_answer(question: Question, heard: Heard, link: str, counts: bool) -> None:
    expected = [Answer(question, mac=heard.mac)] if counts else []
    assert waiting(question).answers(heard, link, NOW) == expected


def test_one_frame_answers_all_who_asked_and_each_frame_answers_again() -> None:
    asked = waiting(OWNED, PROBE)
    assert [one.question for one in asked.answers(REPLY, "eth0", NOW)] == [OWNED, PROBE]
    assert [one.mac for one in asked.answers(replace(REPLY, mac=OTHER), "eth0", NOW)] == [OTHER, OTHER]


def test_a_question_waits_so_long_and_asked_again_it_waits_anew() -> None:
    asked = waiting(OWNED, PROBE)
    asked.put(OWNED, NOW + 1)
    assert len(asked.answers(REPLY, "eth0", NOW + PATIENCE - 0.001)) == 2
    assert [one.question for one in asked.answers(REPLY, "eth0", NOW + PATIENCE)] == [OWNED]
    assert asked.answers(REPLY, "eth0", NOW + 1 + PATIENCE) == []
    assert len(asked) == 0


def test_there_is_room_for_so_many_and_again_for_more_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ASKED", 2)
    asked = waiting(OWNED, PROBE)
    assert not asked.put(ROUTER, NOW + 1)
    assert asked.put(PROBE, NOW + 1)
    assert asked.put(ROUTER, NOW + PATIENCE)
    assert len(asked) == 2


def test_probes_cost_the_kernels_filter_and_are_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PROBED", 1)
    asked = waiting(PROBE, OWNED)
    assert asked.put(PROBE, NOW)
    assert not asked.put(replace(PROBE, address=TWO), NOW)
    assert asked.probed("eth0") == {ONE}
    assert asked.probed("wlan0") == frozenset()


def test_a_link_that_goes_takes_its_questions_along() -> None:
    asked = waiting(OWNED, replace(OWNED, link="wlan0"))
    asked.keep(["wlan0"])
    assert asked.answers(REPLY, "eth0", NOW) == []
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (OWNED, "10.77.0.11"),
        (replace(OWNED, address=IPv4Address("192.168.1.9")), "192.168.1.7"),
        (replace(OWNED, address=IPv4Address("10.99.0.1")), "0.0.0.0"),
        (PROBE, "0.0.0.0"),
    ],
)
def test_a_question_comes_from_our_address_in_the_targets_subnet_a_probe_from_none(
    question: Question, expected: str
) -> None:
    addresses = (IPv4Interface("192.168.1.7/24"), IPv4Interface("10.77.0.11/24"), IPv6Interface("fd77::b/64"))
    assert sender(Link(2, "eth0", addresses=addresses), question) == IPv4Address(expected)

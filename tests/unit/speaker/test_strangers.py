"""Nodes whose beats cannot be read: who is one, when it is told, and how long they keep a speaker from taking part."""

from __future__ import annotations

from pylb.core.model import NodeName
from pylb.speaker.keyring import SPREAD
from pylb.speaker.strangers import BRIEFLY, MAX_NODES, TELL_AFTER, TELL_EVERY, UNNAMED, WINDOW, Strangers

N2, N3 = NodeName("n2"), NodeName("n3")
THEIRS, OURS = "0123456789abcdef", "fedcba9876543210"  # names of keys


def watching(*told: str) -> Strangers:
    """A speaker that starts at 0.0; what the API tells of n2's key, by default the one that its beats name."""
    made = Strangers()
    made.begin(0.0)
    made.vouch({N2: set(told or (THEIRS,))})
    made.expect({"10.0.0.2": N2, "10.0.0.3": N3})
    return made


def speak(strangers: Strangers, since: float, until: float, *, answers: bool = True, read: bool = False) -> float:
    """n2 beats each 100 ms; the time of the last one."""
    for tenth in range(round(since * 10), round(until * 10) + 1):
        strangers.refused("10.0.0.2", THEIRS, answers, tenth / 10)
        if read:
            strangers.read("10.0.0.2", tenth / 10)
    return until


def test_a_node_that_none_of_its_beats_can_be_read_of_is_one() -> None:
    strangers = watching()
    now = speak(strangers, 1.0, 4.0)
    assert strangers.nodes(now) == {N2: 3.0}
    assert strangers.nodes(now + WINDOW + 0.001) == {}


def test_a_node_that_sends_each_beat_under_two_keys_is_none() -> None:
    strangers = watching()
    now = speak(strangers, 1.0, 4.0, read=True)
    assert (strangers.nodes(now), strangers.bars(now), strangers.untold(now)) == ({}, False, [])


def test_what_comes_from_elsewhere_is_noise() -> None:
    strangers = watching()
    strangers.refused("10.0.0.9", THEIRS, True, 1.0)
    strangers.read("10.0.0.9", 1.0)
    assert (strangers.nodes(1.0), strangers.bars(1.0)) == ({}, False)


def test_a_start_waits_for_the_key_of_those_who_answer_and_not_for_ever() -> None:
    strangers = watching()
    now = speak(strangers, 1.0, 2.0)
    assert strangers.bars(now)
    assert not strangers.bars(now + WINDOW + 0.001), "they are gone, or can be read"
    assert not strangers.bars(speak(strangers, SPREAD - 1, SPREAD)), "nobody else may answer for some addresses"


def test_what_a_forger_sends_from_the_address_of_a_node_holds_up_no_start() -> None:
    """Of n2 the API tells that it signs with a key that this node has: what names another is not n2's."""
    strangers = watching(OURS)
    assert not strangers.bars(speak(strangers, 1.0, 2.0))
    assert strangers.doubted(2.0) == [N2], "the API is asked again"


def test_what_comes_from_a_node_that_the_api_says_nothing_of_holds_up_a_start_for_moments() -> None:
    strangers = watching()
    strangers.vouch({})
    assert strangers.bars(speak(strangers, 1.0, BRIEFLY - 0.1))
    assert not strangers.bars(speak(strangers, 1.0, BRIEFLY))
    strangers.took_part()
    assert strangers.doubted(BRIEFLY) == []


def test_a_forger_beside_the_node_that_it_plays_changes_nothing() -> None:
    strangers = watching()
    now = speak(strangers, 1.0, 2 * BRIEFLY)
    strangers.refused("10.0.0.2", OURS, True, now)
    assert strangers.bars(now)


def test_the_version_before_names_no_key_and_is_waited_for() -> None:
    strangers = watching(UNNAMED)
    assert strangers.bars(speak(strangers, 1.0, SPREAD - 1))


def test_those_who_do_not_answer_bar_nobody() -> None:
    """All start at once, each with another key: nobody waits for anybody."""
    strangers = watching()
    assert not strangers.bars(speak(strangers, 1.0, 2.0, answers=False))


def test_who_takes_part_already_goes_on() -> None:
    strangers = watching()
    strangers.took_part()
    now = speak(strangers, 1.0, 2.0)
    assert (list(strangers.nodes(now)), strangers.bars(now)) == ([N2], False)


def test_who_was_cut_off_is_as_one_that_starts() -> None:
    """The key may have changed twice meanwhile, and its kubelet was cut off, too."""
    strangers = watching()
    strangers.took_part()
    strangers.begin(1000.0)
    assert strangers.bars(speak(strangers, 1000.0, 1001.0))
    assert not strangers.bars(speak(strangers, 1149.0, 1150.0))


def test_it_is_told_once_a_minute() -> None:
    strangers = watching()
    told = []
    for tenth in range(round((2 * TELL_EVERY + TELL_AFTER) * 10) + 2):
        strangers.refused("10.0.0.2", THEIRS, True, tenth / 10)
        told += [(node, tenth / 10) for node in strangers.untold(tenth / 10)]
    assert told == [(N2, TELL_AFTER), (N2, TELL_AFTER + TELL_EVERY), (N2, TELL_AFTER + 2 * TELL_EVERY)]


def test_a_node_that_moves_to_another_address_begins_anew() -> None:
    strangers = watching()
    now = speak(strangers, 1.0, 2.0)
    strangers.expect({"10.0.0.3": N3, "10.0.0.2": N2})
    assert strangers.nodes(now) == {N2: 1.0}, "nothing has changed"
    strangers.expect({"10.0.0.2": N3})
    assert strangers.nodes(now) == {}


def test_the_nodes_are_bounded() -> None:
    strangers = Strangers()
    nodes = {f"10.0.{number // 256}.{number % 256}": NodeName(f"n{number}") for number in range(2 * MAX_NODES)}
    strangers.expect(nodes)
    for address in nodes:
        strangers.refused(address, THEIRS, True, 1.0)
    assert len(strangers.nodes(1.0)) == MAX_NODES

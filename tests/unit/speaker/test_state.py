"""What `/state` says of members and addresses, from the arbiter's own values."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from pylb.core.config.loader import Problem
from pylb.core.model import Address, NodeName, ServiceKey
from pylb.core.ownership.arbiter import TICK, Arbiter
from pylb.core.ownership.beats import Ack, Beat, State
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.election import Verdict
from pylb.core.ownership.lines import Line
from pylb.core.ownership.segment import Link
from pylb.core.reasons import Reason
from pylb.speaker.state import SILENT, describe

N1, N2, N3 = NodeName("n1"), NodeName("n2"), NodeName("n3")
ONE, TWO = IPv4Address("10.0.0.101"), IPv4Address("10.0.0.102")
WEB = ServiceKey("default/web")


class Scene:
    """n1, which hears n2 while `run` is told so."""

    def __init__(self, *lines: Line) -> None:
        self.now = 0.0
        self.arbiter = Arbiter(N1, 0xABC, 0.0)
        self.arbiter.use([Link("eth0", b"\2\0\0\0\0\1", (IPv4Network("10.0.0.0/24"),))], 0.0)
        self.arbiter.follow(lines, {N1: (), N2: ()}, 0.0)
        self.arbiter.ready(True, 0.0)

    def run(self, seconds: float, *, heard: bool, claims: dict[Address, Claim] | None = None) -> None:
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            if heard:
                [ours] = self.arbiter.beats(self.now)
                acks = {N1: Ack(0xABC, ours.sequence)}
                number = round(self.now * 1000)
                beat = Beat(N2, 7, number, State.ACTIVE, "eth0", b"\2\0\0\0\0\2", claims or {}, acks)
                self.arbiter.hear(beat, "eth0", self.now)
            self.arbiter.tick(self.now)

    def say(self, refused: dict[Address, Reason] | None = None) -> dict[str, Any]:
        placements = dict.fromkeys(self.arbiter.owned, ("eth0",))
        return describe(self.arbiter, placements, refused or {}, [], self.now, {})


def line(address: Address, *ranking: NodeName, excluded: dict[NodeName, Reason] | None = None) -> Line:
    return Line(address, (WEB,), Verdict(ranking, excluded or {}), "lan")


def test_an_address_of_ones_own() -> None:
    scene = Scene(line(ONE, N1, N2, excluded={N3: Reason.NODE_EXCLUDED}))
    scene.run(3.0, heard=True)
    assert scene.say()["addresses"] == [
        {
            "address": "10.0.0.101",
            "owner": "n1",
            "mine": True,
            "standing": "",
            "term": 1,
            "provisional": False,
            "services": ["default/web"],
            "pool": "lan",
            "candidates": ["n1", "n2"],
            "excluded": {"n3": "node_excluded"},
            "reason": None,
            "interfaces": ["eth0"],
        }
    ]


def test_an_address_of_anothers_who_is_not_the_first_in_line() -> None:
    scene = Scene(line(ONE, N1, N2))
    scene.run(3.0, heard=True, claims={ONE: Claim(N2, 9)})
    [said] = scene.say()["addresses"]
    assert (said["owner"], said["mine"], said["term"], said["interfaces"]) == ("n2", False, 9, [])
    assert said["candidates"] == ["n1", "n2"]


def test_who_is_not_heard_is_excluded_with_that_reason() -> None:
    scene = Scene(line(ONE, N2, N3))
    scene.run(1.0, heard=False)
    [said] = scene.say()["addresses"]
    assert (said["owner"], said["reason"], said["candidates"]) == ("", "not_alive", [])
    assert said["excluded"] == {"n2": "not_alive", "n3": "not_alive"}


def test_what_cannot_be_announced_has_no_owner_and_a_reason() -> None:
    scene = Scene(line(ONE, N1))
    scene.run(3.0, heard=True)
    [said] = scene.say({ONE: Reason.NO_INTERFACE})["addresses"]
    assert (said["owner"], said["mine"], said["reason"]) == ("", False, "no_interface")


def test_what_nobody_can_have_says_why() -> None:
    scene = Scene(Line(TWO, (WEB,), Verdict(reason=Reason.NO_ENDPOINT)))
    scene.run(1.0, heard=True)
    [said] = scene.say()["addresses"]
    assert (said["owner"], said["reason"]) == ("", "no_endpoint")


def test_a_member_that_is_silent_is_listed_for_a_while() -> None:
    scene = Scene()
    scene.run(2.0, heard=True)
    assert scene.say()["members"] == [{"node": "n2", "alive": True, "last_heard_ms": 0}]
    scene.run(3.0, heard=False)
    assert scene.say()["members"] == [{"node": "n2", "alive": False, "last_heard_ms": 3000}]
    scene.run(SILENT, heard=False)
    assert scene.say()["members"] == []


def test_the_speaker_itself() -> None:
    scene = Scene()
    said = describe(scene.arbiter, {}, {}, [Problem("IPAddressPool/a", "spec", "is wrong")], 0.0, {N3: 2.5}, True)
    assert (said["node"], said["incarnation"], said["state"]) == ("n1", "0000000000000abc", "joining")
    assert said["strangers"] == [{"node": "n3", "for_ms": 2500}]
    assert (said["config"]["stale"], said["config"]["partial"], len(said["config"]["problems"])) == (True, True, 1)


def test_what_was_ones_own_before_the_cable_was_pulled_is_nobodys_as_far_as_one_knows() -> None:
    """It answers for nothing, and whoever took it says so itself: readers would see two owners else."""
    scene = Scene(line(ONE, N1, N2))
    scene.run(3.0, heard=True)
    scene.arbiter.use([], scene.now)
    scene.run(1.0, heard=False)
    [said] = scene.say()["addresses"]
    assert (said["owner"], said["mine"], said["reason"]) == ("", False, "no_link")


def test_what_is_ones_own_is_told_again_once_it_is_confirmed() -> None:
    scene = Scene(line(ONE, N1, N2))
    scene.run(3.0, heard=True)
    scene.now += 5.0
    scene.arbiter.tick(scene.now)
    [said] = scene.say()["addresses"]
    assert (said["owner"], said["mine"], said["reason"]) == ("", False, "stalled")
    scene.run(1.0, heard=True)
    [said] = scene.say()["addresses"]
    assert (said["owner"], said["mine"], said["reason"]) == ("n1", True, None)

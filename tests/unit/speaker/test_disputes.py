"""Two nodes that both believe to own: they do not fight over the status objects, and a plain move costs no wait."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pylb.core.model import L2Status, NodeName, ServiceKey
from pylb.speaker import disputes
from pylb.speaker.disputes import Disputes
from pylb.speaker.statuses import Account, Holding, Plan, name, plan

N1, N2, N3 = NodeName("n1"), NodeName("n2"), NodeName("n3")
ROUND = 1.0  # s between two rounds of a publisher that has something to do
MINUTE = 60.0

Owns = Callable[[NodeName, float], bool]


class Split:
    """Nodes that read and write the same objects, each by its own belief of who owns."""

    def __init__(self, services: int, owns: Owns, nodes: tuple[NodeName, ...] = (N1, N2)) -> None:
        self.keys = [ServiceKey(f"default/s{number}") for number in range(services)]
        self.owns = owns
        self.memory = {node: Disputes() for node in nodes}
        self.objects: dict[str, L2Status] = {}
        self.requests: list[float] = []

    def play(self, seconds: float, start: float = 0.0) -> None:
        """Rounds of all nodes, in turn."""
        for step in range(int(seconds / ROUND)):
            for number, node in enumerate(self.memory):
                self.turn(node, start + step * ROUND + number * 0.1)

    def turn(self, node: NodeName, now: float) -> None:
        owned: dict[ServiceKey, Holding] = dict.fromkeys(self.keys, Holding()) if self.owns(node, now) else {}
        todo = plan(node, Account(owned), self.objects.values())
        due, _ = self.memory[node].admit(todo, frozenset(self.objects), now)
        for gone in due.delete:
            del self.objects[gone]
            self.memory[node].deleted(gone, now)
        for called, service, _ in due.write:
            self.objects[called] = L2Status("ns", called, service, node)
            self.memory[node].wrote(called, now)
        self.requests += [now] * (len(due.delete) + 2 * len(due.write))

    def rate(self, since: float, until: float) -> float:
        """Requests a second."""
        return sum(since <= at < until for at in self.requests) / (until - since)


@pytest.mark.parametrize(("services", "nodes"), [(1, (N1, N2)), (20, (N1, N2, N3)), (100, (N1, N2))])
def test_who_all_believe_to_own_write_less_than_one_request_a_second(
    services: int, nodes: tuple[NodeName, ...]
) -> None:
    """Once the first round is over, in which each says what it took: from then on, in any minute."""
    split = Split(services, lambda node, now: node == N1 or now >= 10, nodes)
    split.play(1200)
    worst = max(split.rate(start, start + MINUTE) for start in range(20, 1140, 10))
    assert worst < 1
    first, free = split.rate(10, 20) * 10, services * 3 * len(nodes)
    assert first <= free + 10 * len(nodes), "the first round is no fight either: each says what it took, once"


def test_a_split_of_a_few_services_comes_to_rest() -> None:
    """Each keeps its own object, and nothing is written for minutes at a time."""
    split = Split(3, lambda node, now: True)
    split.play(1800)
    assert len(split.objects) >= 3
    assert split.rate(1500, 1800) < 0.2


def test_after_the_split_the_objects_are_the_owners_alone() -> None:
    split = Split(3, lambda node, now: node == N1 or now < 600)
    split.play(620)
    assert {status.node for status in split.objects.values()} == {N1}
    assert len(split.objects) == 3


def test_a_move_and_a_move_back_cost_no_wait() -> None:
    split = Split(50, lambda node, now: (node == N1) is (now < 10 or now >= 20))
    for until, owner in ((9.0, N1), (19.0, N2), (29.0, N1)):
        split.play(3, start=until - 3)
        assert {status.node for status in split.objects.values()} == {owner}
        assert len(split.objects) == 50


def test_ownership_that_flaps_each_second_is_not_written_each_time() -> None:
    split = Split(20, lambda node, now: (node == N1) is (int(now) % 2 == 0))
    split.play(600)
    assert split.rate(60, 600) < 1


def test_an_object_that_was_deleted_by_hand_is_there_again_at_once() -> None:
    split = Split(1, lambda node, now: node == N1)
    split.play(3)
    split.objects.clear()
    split.play(2, start=50)
    assert list(split.objects) == [name(N1, split.keys[0])]


def test_it_says_when_more_may_be_done() -> None:
    memory = Disputes()
    memory.deleted("l2-x", 0.0)
    assert memory.admit(Plan(delete=("l2-x",)), frozenset({"l2-x"}), 10.0) == (Plan(), disputes.PATIENCE - 10.0)
    assert memory.admit(Plan(delete=("l2-x",)), frozenset({"l2-x"}), 61.0) == (Plan(delete=("l2-x",)), None)
    memory.deleted("l2-x", 61.0)
    assert memory.admit(Plan(delete=("l2-x",)), frozenset({"l2-x"}), 122.0) == (Plan(), 59.0)


def test_the_memory_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disputes, "MEMORY_MAX", 3)
    memory = Disputes()
    for number in range(10):
        memory.wrote(f"l2-{number}", float(number))
    assert len(memory._past) == 3


def test_who_was_removed_does_not_answer_in_kind() -> None:
    memory = Disputes()
    mine, theirs = ("l2-mine", ServiceKey("default/a"), ()), tuple(f"l2-{number}" for number in range(20))
    memory.wrote(mine[0], 0.0)
    removed, _ = memory.admit(Plan((mine,), theirs), frozenset(theirs), 1.0)
    assert (removed.write, len(removed.delete)) == ((mine,), disputes.BURST - disputes.COST_WRITE)
    standing, _ = memory.admit(Plan((), theirs), frozenset({*theirs, mine[0]}), 2.0)
    assert standing.delete == theirs, "who was not removed owns alone, for all that is known"

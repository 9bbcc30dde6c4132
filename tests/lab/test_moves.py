"""Moves on purpose, on real packets: a drained node, a move that is asked for, a label, an endpoint that goes, failback.

Each time the new owner announces before the old one stops: no question goes unanswered, no new connection fails, and
nobody but the two is ever heard.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from fakes import takeovers
from fakes.cluster import deployment, service, until
from fakes.lan import Lan

ADDRESS, LOCAL = "10.79.0.200", "10.79.0.210"
WEB = "/api/v1/namespaces/default/services/front"
EXCLUDE = "node.kubernetes.io/exclude-from-external-load-balancers"
LATE_MS = 100.0  # for a request on a new connection
DISPUTE_S = 0.3  # in which both answer
SILENT_S = 0.3  # in which nobody answers: the asker itself may be held up on a busy machine
LEARNT_S = 1.0  # from the end of a pod to the time when all know
AFTER_S = 1.5  # that is watched after a move: the last of the new owner's announcements is out
COMMAND_S = 40.0
Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Print a figure beside the test's name."""

    def tell(text: str) -> None:
        with capsys.disabled():
            print(f" [{text}]", end="", flush=True)

    return tell


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a move."""

    owner: str
    other: str
    dispute: float  # s
    silent: float

    def __str__(self) -> str:
        return (
            f"{self.owner} to {self.other}, both answered for {self.dispute * 1000:.0f} ms, "
            f"nobody for {self.silent * 1000:.0f} ms"
        )


def pylb(lan: Lan, *words: str) -> subprocess.CompletedProcess[str]:
    """Type a command, as a user does who has a kubeconfig."""
    argv = [sys.executable, "-m", "pylb", *words, "--kubeconfig", str(lan.kubeconfig)]
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=COMMAND_S)


def move(lan: Lan, act: Callable[[], object], address: str = ADDRESS, *, after: float = 0.0) -> Seen:
    """Do what moves an address, and see that nobody notices; `after` so many s, where the cause itself takes something."""
    owner = lan.owner(address)
    with ExitStack() as stack:
        url = f"http://{address}/"
        probe = stack.enter_context(lan.probe(url, LATE_MS))
        asker, listener = stack.enter_context(lan.asker(address)), stack.enter_context(lan.listener())
        began = time.time()
        act()
        other = lan.owner(address, beside=owner)
        moved = time.time()
        until("it was watched", lambda: time.time() > moved + AFTER_S)
        probe.stop()
        asker.stop()
        listener.stop()
    seen = Seen(owner, other, asker.longest_dispute(), asker.silence())
    both = {lan.mac(owner), lan.mac(other)}
    assert takeovers.told_by(asker) == both, "somebody else answered"
    assert takeovers.spoken_by(listener, address) <= both
    assert takeovers.told_by(asker, moved) == {lan.mac(other)}, "the old owner goes on"
    assert seen.dispute < DISPUTE_S, seen
    assert seen.silent < SILENT_S, seen
    takeovers.served([one for one in takeovers.failures(probe, began) if one[0] > after])
    return seen


def moved(lan: Lan, address: str = ADDRESS) -> list[tuple[str, str, str]]:
    """What the speakers logged of moves: from, to, cause, in order."""
    lines = sorted(line for node in lan.nodes for line in lan.logs(f"speaker-{node}").splitlines())
    found = (
        re.search(rf" moved .*address={address} .*from_node=(\S+) to_node=(\S+) .*cause=(\S+)", one) for one in lines
    )
    return [(one[1], one[2], one[3]) for one in found if one is not None]


def test_a_drained_node_hands_over_and_nothing_comes_back_by_itself(lan: Lan, say: Say) -> None:
    owner = lan.owner(ADDRESS)
    done: list[subprocess.CompletedProcess[str]] = []
    try:
        seen = move(lan, lambda: done.append(pylb(lan, "drain", owner)))
        say(str(seen))
        assert (done[0].returncode, done[0].stderr) == (0, ""), done[0]
        assert f"{ADDRESS}: {owner} -> {seen.other}\n" in done[0].stdout
        assert moved(lan)[-1] == (owner, seen.other, "drained")
        told = lan.view(seen.other, ADDRESS)
        assert told is not None
        assert told["excluded"] == {owner: "node_drains"}
    finally:
        undone = pylb(lan, "undrain", owner)
    assert (undone.returncode, undone.stderr) == (0, ""), undone
    lan.settled()
    before = lan.claims(ADDRESS)
    calm = time.time()
    until("it was watched", lambda: time.time() > calm + takeovers.WATCHED_S)
    assert lan.claims(ADDRESS) == before
    assert list(before) == [seen.other]


def test_a_node_that_is_the_only_one_goes_on_answering_while_it_drains(lan: Lan) -> None:
    """The command names what stays and why, and what stays is answered all the time, after a restart too."""
    owner = lan.owner(ADDRESS)
    others = [node for node in lan.nodes if node != owner]
    for node in others:
        label(lan, node, "")
    try:
        done = pylb(lan, "drain", owner, "--wait", "10")
        assert done.returncode == 1, done
        assert f"{ADDRESS} stays on {owner}: " in done.stdout
        assert all(f"{node}: the node is labelled {EXCLUDE}" in done.stdout for node in others)
        assert lan.owner(ADDRESS) == owner
        lan.lab.speaker("kill", owner)
        lan.lab.speaker("start", owner)
        assert lan.owner(ADDRESS) == owner
        until("it owns it itself", lambda: (lan.view(owner, ADDRESS) or {}).get("mine"))
    finally:
        for node in others:
            label(lan, node, None)
        until("it goes to another", lambda: lan.owners(ADDRESS)[:1] in [[node] for node in others])
        pylb(lan, "undrain", owner)


def label(lan: Lan, node: str, value: str | None) -> None:
    lan.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": {EXCLUDE: value}}})


def test_an_address_moves_on_request_once(lan: Lan, say: Say) -> None:
    """To the very node, with a new term; the same request again does nothing, since it names the old one."""
    [(owner, term)] = lan.claims(ADDRESS).items()
    other = next(node for node in lan.nodes if node != owner)
    done: list[subprocess.CompletedProcess[str]] = []
    seen = move(lan, lambda: done.append(pylb(lan, "move", ADDRESS, other)))
    say(str(seen))
    assert (done[0].returncode, done[0].stderr) == (0, ""), done[0]
    assert done[0].stdout.startswith(f"{ADDRESS}: {owner} -> {other} in ")
    assert (seen.other, moved(lan)[-1]) == (other, (owner, other, "asked_for"))
    assert lan.claims(ADDRESS) == {other: term + 1}
    assert "pylb.io/move" not in (lan.get(WEB)["metadata"].get("annotations") or {})
    spent = {"metadata": {"annotations": {"pylb.io/move": f"{owner}@{term}"}}}
    lan.patch(WEB, spent)
    calm = time.time()
    until("it was watched", lambda: time.time() > calm + takeovers.WATCHED_S)
    assert lan.claims(ADDRESS) == {other: term + 1}
    lan.patch(WEB, {"metadata": {"annotations": {"pylb.io/move": None}}})


def test_a_request_that_cannot_be_is_refused_with_its_reason_and_spent(lan: Lan) -> None:
    [(owner, term)] = lan.claims(ADDRESS).items()
    other = next(node for node in lan.nodes if node != owner)
    label(lan, other, "")
    try:
        until("all know of the label", lambda: other not in (lan.view(owner, ADDRESS) or {})["candidates"])
        done = pylb(lan, "move", ADDRESS, other)
        assert (done.returncode, done.stderr) == (1, "")
        assert done.stdout == f"{ADDRESS} cannot move to {other}: the node is labelled {EXCLUDE}\n"
        lan.patch(WEB, {"metadata": {"annotations": {"pylb.io/move": f"{other}@{term}"}}})
        until("the Event", lambda: [one for one in lan.told("default", "front") if one.reason == "NotMoved"])
        assert lan.claims(ADDRESS) == {owner: term + 1}
    finally:
        label(lan, other, None)
    calm = time.time()
    until("it was watched", lambda: time.time() > calm + takeovers.WATCHED_S)
    assert lan.claims(ADDRESS) == {owner: term + 1}
    lan.patch(WEB, {"metadata": {"annotations": {"pylb.io/move": None}}})


def test_input_that_names_nothing_is_told_what_there_is(lan: Lan) -> None:
    for words, text in (
        (("move", "10.79.0.9", "n1"), f"Error: 10.79.0.9: no Service has that address; there are {ADDRESS}\n"),
        (("drain", "n9"), "Error: NODE 'n9': the cluster has none of that name; there are n1, n2, n3\n"),
    ):
        done = pylb(lan, *words)
        assert (done.returncode, done.stderr, done.stdout) == (2, text, "")


def test_the_exclude_label_moves_an_address_in_order(lan: Lan, say: Say) -> None:
    owner = lan.owner(ADDRESS)
    try:
        say(str(seen := move(lan, lambda: label(lan, owner, ""))))
        assert moved(lan)[-1] == (owner, seen.other, "no_longer_eligible")
    finally:
        label(lan, owner, None)


def test_an_endpoint_that_goes_under_policy_local_moves_its_address_in_order(lan: Lan, say: Say) -> None:
    """One pod on each of two nodes; the one on the owner is killed. What was sent to it until the speakers learnt of it is
    lost whatever they do; the address is answered all the time.
    """
    body = service("default/local", loadBalancerIP=LOCAL, externalTrafficPolicy="Local", selector={"app": "local"})
    homes = {node: deployment(f"default/on-{node}", {"app": "local"}, 8080, nodeName=node) for node in lan.nodes[:2]}
    lan.create(body, *homes.values())
    try:
        until("both pods serve", lambda: len(set((lan.view("n1", LOCAL) or {"candidates": ()})["candidates"])) == 2)
        lan.ask(f"http://{LOCAL}/")
        owner = lan.owner(LOCAL)
        say(str(seen := move(lan, lambda: lan.remove(homes[owner]), LOCAL, after=LEARNT_S)))
        assert moved(lan, LOCAL)[-1] == (owner, seen.other, "no_longer_eligible")
    finally:
        lan.remove(body, *homes.values())


def test_failback_goes_back_to_the_first_in_line_after_a_heal(lan: Lan, say: Say) -> None:
    """Only where it is asked for: rebalance brings it there first, the node is lost, and comes back."""
    done = pylb(lan, "rebalance", "--dry-run")
    assert done.returncode == 0, done
    assert pylb(lan, "rebalance").returncode == 0
    first = lan.owner(ADDRESS)
    assert (lan.view(first, ADDRESS) or {})["candidates"][0] == first
    assert pylb(lan, "rebalance").stdout == "every address is at the first node of its line: nothing to do\n"
    lan.patch(WEB, {"metadata": {"annotations": {"pylb.io/failback": "immediate"}}})
    try:
        lan.lab.cut(first, "both")
        other = lan.owner(ADDRESS, beside=first)
        say(str(seen := move(lan, lambda: lan.lab.mend(first, "both"))))
        assert (seen.owner, seen.other) == (other, first)
        assert moved(lan)[-1] == (other, first, "first_in_line")
    finally:
        lan.lab.mend(first, "both")
        lan.patch(WEB, {"metadata": {"annotations": {"pylb.io/failback": None}}})

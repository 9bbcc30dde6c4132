"""The play of tests/component/test_controller_fate.py on a real API server: a controller that is struck at each of its
writes. It lives in the test's process, before it a front that counts and strikes, behind that the API server; the
cluster's own controllers are none meanwhile.

One play takes many strikes: the n-th write is struck, and each STRIDE-th after it, and the next play begins one later, so
that each number is struck. `PYLB_FATES=all` strikes each number in a play of its own, in every way (half an hour).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from cluster import client, pylb_on
from cluster.client import Cluster
from fakes import fates, grounds
from fakes.cluster import until
from fakes.fates import CUT_AFTER, CUT_BEFORE, FATES, KILLED_AFTER, KILLED_BEFORE, Play
from fakes.real import RealLan
from pylb.addon.names import CONTROLLER, NAMESPACE

ALL = os.environ.get("PYLB_FATES") == "all"
STRIDE = 9
DARK = 5  # plays in which users go on while nobody leads; they write less
FEWEST = 90  # writes of any play: as many are struck at least
GONE_S = 20.0  # until pods have ended
Say = Callable[[str], None]


@pytest.fixture(scope="module")
def url(cluster: Cluster) -> Iterator[str]:
    """The API server of a cluster whose controllers are scaled to none."""
    scale = ("-n", NAMESPACE, "scale", f"deployment/{CONTROLLER}")
    with RealLan(cluster) as lan:
        replicas = len(lan.pods("controller"))
        pylb_on.check(cluster, *scale, "--replicas=0")
        try:
            until("no controller runs", lambda: not lan.pods("controller"), GONE_S)
            with grounds.proxied(client.programs() / "kubectl", cluster.kubeconfig) as found:
                yield found
        finally:
            pylb_on.check(cluster, "-n", NAMESPACE, "delete", "lease", CONTROLLER, "--ignore-not-found")
            pylb_on.check(cluster, *scale, f"--replicas={replicas}")
            pylb_on.rollout(cluster, f"deployment/{CONTROLLER}")
            lan.empty()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    fates.hurry(monkeypatch)


def ways() -> list[tuple[int, str, bool]]:
    """The plays: their first strike, how they are struck, and whether users go on in the dark."""
    kinds = (KILLED_BEFORE, KILLED_AFTER, CUT_BEFORE, KILLED_BEFORE, KILLED_AFTER, CUT_AFTER)
    light = [(at, kinds[at % len(kinds)], False) for at in range(1, STRIDE + 1)]
    return light + [(at, FATES[at % 2], True) for at in range(1, DARK + 1)]


async def struck(url: str, at: int, fate: str, *, dark: bool = False, every: int = 0) -> Play:
    async with grounds.stage(url) as stage:
        play = Play(stage, at, fate, dark=dark, every=every)
        assert await play.run() == [], (at, fate, dark, play.struck.strikes)
        return play


@pytest.mark.timeout(180)
async def test_each_write_is_struck(url: str, say: Say) -> None:
    plays = [(dark, (await struck(url, at, fate, dark=dark, every=STRIDE)).struck) for at, fate, dark in ways()]
    light = [one for dark, one in plays if not dark]
    dark = sum(one.strikes for is_dark, one in plays if is_dark)
    say(f"{sum(one.strikes for one in light)} strikes, and {dark} in the dark")
    assert min(len(one.writes) for one in light) > FEWEST


if ALL:

    @pytest.mark.timeout(1800)
    @pytest.mark.parametrize(("fate", "dark"), [*((one, False) for one in FATES), *((one, True) for one in FATES[:2])])
    async def test_each_write_is_struck_alone(url: str, fate: str, dark: bool) -> None:
        at = 1
        while (await struck(url, at, fate, dark=dark)).struck.struck:
            at += 1
        assert at > FEWEST

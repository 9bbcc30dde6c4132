"""What people read, on a real Kubernetes: `pylb status`, `explain`, `record`, and the screen while a node is lost."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster import client, pylb_on
from cluster.client import Cluster
from cluster.scenes import Scene
from fakes.cluster import until
from fakes.real import RealLan
from pylb.kube import credentials
from pylb.tui.app import PylbApp
from pylb.tui.hands import ClusterHands
from pylb.tui.options import Options
from pylb.tui.source import ClusterSource

LIMIT_S = 30.0  # of one command
PATIENCE_S = 15.0  # for the screen
WAITING = "waiting"
Ready = Callable[[], bool]

pytestmark = pytest.mark.cluster


def pylb(cluster: Cluster, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of pylb's as a user of the cluster would."""
    environment = {
        **os.environ,
        "KUBECONFIG": str(cluster.kubeconfig),
        "PATH": f"{client.programs()}:{os.environ['PATH']}",
    }
    return subprocess.run(
        [sys.executable, "-m", "pylb", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        cwd=pylb_on.ROOT,
    )


def test_status_names_the_node_that_answers(scene: Scene, lan: RealLan) -> None:
    owner = lan.owner(scene.address)
    done = pylb(lan.lab, "status", "-o", "json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {row["address"]: row for row in json.loads(done.stdout)["services"]}
    assert (rows[scene.address]["state"], rows[scene.address]["nodes"]) == ("OK", [owner])


def test_explain_says_why_one_waits_and_what_it_offers_helps(scene: Scene, lan: RealLan) -> None:
    asked = {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": "x"}, "loadBalancerIP": scene.address}
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": WAITING}, "spec": asked}
    pylb_on.apply(lan.lab, json.dumps(body))
    try:
        done = until("it is refused", lambda: _failing(lan.lab))
        row = next(one for one in done if one["verdict"] == "FAIL" and one["fixes"])
        typed = next(fix["command"] for fix in row["fixes"] if fix["command"])
        helped = subprocess.run(
            ["sh", "-c", typed],
            env={
                **os.environ,
                "KUBECONFIG": str(lan.lab.kubeconfig),
                "PATH": f"{client.programs()}:{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert helped.returncode == 0, f"{typed}: {helped.stderr}"
        until("it has an address", lambda: lan.addresses(f"default/{WAITING}"))
    finally:
        pylb_on.check(lan.lab, "delete", "service", WAITING, "--wait=false")


def _failing(cluster: Cluster) -> list[dict[str, list[dict[str, str]]]] | None:
    done = pylb(cluster, "explain", f"default/{WAITING}", "-o", "json")
    assert done.returncode in (0, 1), done.stderr
    rows: list[dict[str, list[dict[str, str]]]] = json.loads(done.stdout)["rows"]
    return rows if any(row["verdict"] == "FAIL" and row["question"] == "allocated" for row in rows) else None


def test_what_is_recorded_tells_the_same(scene: Scene, lan: RealLan, tmp_path: Path) -> None:
    kept = tmp_path / "seen.jsonl"
    recorder = subprocess.Popen(
        [sys.executable, "-m", "pylb", "record", str(kept), "--kubeconfig", str(lan.lab.kubeconfig)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=pylb_on.ROOT,
    )
    try:
        until("it is written down", lambda: kept.exists() and scene.address in kept.read_text())
        until("with its node", lambda: scene.address in pylb(lan.lab, "status", "--replay", str(kept)).stdout)
    finally:
        recorder.terminate()
        recorder.wait(LIMIT_S)
    owner = lan.owner(scene.address)
    [line] = [one for one in pylb(lan.lab, "status", "--replay", str(kept)).stdout.splitlines() if scene.address in one]
    assert owner in line
    assert kept.stat().st_mode & 0o777 == 0o600


async def test_the_screen_shows_a_node_that_is_lost_and_moves_an_address_back(scene: Scene, lan: RealLan) -> None:
    owner = lan.owner(scene.address)
    found = credentials.load(str(lan.lab.kubeconfig))
    hands = ClusterHands(found, ("--kubeconfig", str(lan.lab.kubeconfig)))
    app = PylbApp(ClusterSource(found), options=Options(write=True), hands=hands)
    async with app.run_test(size=(140, 40), notifications=True) as pilot:

        def text() -> str:
            return "\n".join(strip.text for strip in app.screen._compositor.render_strips())

        async def shows(what: str, ready: Ready) -> None:
            for _ in range(int(PATIENCE_S / 0.05)):
                await pilot.pause()
                if ready():
                    return
                await asyncio.sleep(0.05)
            raise AssertionError(f"{what} was never shown:\n{text()}")

        def line() -> str:
            rows = (one for one in text().splitlines() if scene.address in one and "default/" in one)
            return next(rows, "")

        await shows("the owner", lambda: owner in line())
        await asyncio.to_thread(lan.lab.cut, owner)
        try:
            await shows("another owner", lambda: "MOVE" in line() and owner not in line().split("moved")[0])
            await pilot.press("3")
            await shows("the move", lambda: f"{owner} gave its last sign" in text())
        finally:
            await asyncio.to_thread(lan.lab.mend, owner)
        await asyncio.to_thread(lan.settled)
        await pilot.press("1", "slash", *f"ip:{scene.address}", "enter", "M")
        await shows("the question", lambda: "to which node?" in text())
        await pilot.press(*["backspace"] * 30, *owner, "enter")
        await shows("the confirmation", lambda: "the same, typed:" in text())
        await pilot.press("y")
        await asyncio.to_thread(until, "it is back", lambda: lan.owners(scene.address) == [owner])
        await shows("it is back", lambda: owner in line())

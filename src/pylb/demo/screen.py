"""The demo on a terminal: a lab, the demo's Service on it, and the screen of `pylb tui` with the demo's panel."""

from __future__ import annotations

import asyncio
import sys

from pylb.demo.panel import Panel
from pylb.demo.stage import MANIFESTS, SUBNET, Stage, manifests
from pylb.demo.story import ADDRESS_S
from pylb.demo.watcher import Watcher
from pylb.kube import credentials
from pylb.lab.client import Lab
from pylb.lab.errors import LabError


def show(nodes: int, ascii_only: bool) -> None:
    """Run the demo until the user quits. LabError if the lab cannot stand."""
    print("pylb demo: building a home network on this machine…", file=sys.stderr)
    with Lab.start(nodes=nodes, subnet=SUBNET) as lab:
        asyncio.run(_show(lab, ascii_only))


async def _show(lab: Lab, ascii_only: bool) -> None:
    from pylb.tui import start  # Textual: 0.3 s that the script need not pay
    from pylb.tui.app import PylbApp
    from pylb.tui.hands import ClusterHands
    from pylb.tui.source import ClusterSource

    stage = Stage(lab)
    try:
        for file in MANIFESTS:
            for raw in manifests(file):
                await stage.create(raw)
        address = await stage.wait_address(ADDRESS_S)
        if not address:
            raise LabError("the demo's Service got no address; see: pylb demo --script")
        async with Watcher(lab, f"http://{address}/") as watcher:
            found = credentials.load(str(lab.kubeconfig))
            options = start.prepare(None, None, ascii_only=ascii_only, write=True)
            hands = ClusterHands(found, ("--kubeconfig", str(lab.kubeconfig)))
            panel = Panel(stage, watcher, lambda: app.size.height)
            app = PylbApp(ClusterSource(found), [panel], ascii_only=options.ascii_only, options=options, hands=hands)
            try:
                await app.run_async(mouse=options.mouse)
            finally:
                await panel.close()
    finally:
        await stage.close()

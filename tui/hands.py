"""What carries orders out on a cluster: commands of pylb's own as processes, patches and the question of rights by the API.

It decides nothing: `pages.orders` says what an order is, and the API server whether it is allowed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.kube.errors import ClusterError
from pylb.tui.pages.orders import Order, Right
from pylb.tui.seams import Outcome

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
LIMIT_S = 60.0  # for a command: `pylb drain` waits for 30 s
MAX_OUTPUT = 64 * 1024  # bytes of a command's that are read
MANAGER = "pylb"  # whose annotations these are, in managedFields


class ClusterHands:
    """Acts with a user's credentials. `cluster` are the options that say to `pylb` which cluster it is."""

    def __init__(self, credentials: Credentials, cluster: Sequence[str] = ()) -> None:
        self._credentials = credentials
        self._cluster = tuple(cluster)

    async def forbidden(self, right: Right) -> str:
        """Asks the API server."""
        asked = {"verb": right.verb, "resource": right.resource, "namespace": right.namespace}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in asked.items() if value}},
        }
        try:
            async with Client(self._credentials, user_agent="pylb-tui") as client:
                status = (await client.post(REVIEWS, body)).get("status", {})
        except ClusterError as error:
            return f"whether you may cannot be asked: {error}"
        if status.get("allowed") is True:
            return ""
        where = f" -n {right.namespace}" if right.namespace else ""
        return f"you may not {right.verb} {right.resource}: kubectl auth can-i {right.verb} {right.resource}{where}"

    async def carry_out(self, order: Order) -> Outcome:
        """Runs the command, or patches the object."""
        return await (self._run(order.arguments) if order.arguments else self._patch(order))

    async def _patch(self, order: Order) -> Outcome:
        try:
            async with Client(self._credentials, user_agent="pylb-tui") as client:
                await client.patch(order.path, dict(order.patch or {}), field_manager=MANAGER)
        except ClusterError as error:
            return Outcome(done=False, said=str(error))
        return Outcome(done=True, said="done")

    async def _run(self, arguments: Sequence[str]) -> Outcome:
        """Run a command of pylb's; what it says, in one line."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "pylb",
            *arguments,
            *self._cluster,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=MAX_OUTPUT,
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
        except asyncio.TimeoutError:
            return Outcome(
                done=False, said=f"it was not done within {LIMIT_S:.0f} s: look at the screen, and ask again"
            )
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        lines = said[:MAX_OUTPUT].decode(errors="replace").split("\n")
        return Outcome(process.returncode == 0, "; ".join(line.strip() for line in lines if line.strip()) or "done")

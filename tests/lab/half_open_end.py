"""Both ends of quiet watches, as a process that a test starts in a network namespace of its own: the host dies in it.

Prints one JSON object: whether a watch that was silent for `quiet` seconds stood, and how long after the loss of the
host, in seconds, it was noticed.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

from fakes.faulty_api import FaultyApi, silent
from fakes.following import PATH, eventually
from pylb.kube.client import Client
from pylb.kube.collection import Collection
from pylb.kube.credentials import Credentials
from pylb.kube.errors import ClusterError

NOTICED_S = 60.0


def loopback(state: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


async def main(quiet: float) -> None:
    loopback("up")
    async with FaultyApi(on_watch=silent) as api, Client(Credentials(api.url, "test")) as client:
        watched: Collection[str] = Collection(client, PATH, lambda raw: None)
        task = asyncio.create_task(watched.run())
        await eventually(lambda: watched.statistics().watches == 1)
        await asyncio.sleep(quiet)
        stood = watched.stale_since is None and watched.statistics().failures == 0
        loopback("down")
        took = await eventually(lambda: watched.stale_since is not None, NOTICED_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    print(json.dumps({"stood": stood, "noticed": took, "why": watched.statistics().last_error}), flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main(float(sys.argv[1])))
    except ClusterError as error:
        sys.exit(str(error))

"""kubectl as people type it, on the server and in the namespace of a test."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from conformance.place import Api

LIMIT_S = 60.0  # for one command


def program() -> str:
    """The machine's kubectl, else the one that was built with the real cluster; "" where there is none."""
    if found := shutil.which("kubectl"):
        return found
    from cluster import client
    from pylb.lab.errors import LabError

    try:
        return str(client.programs() / "kubectl")
    except LabError:
        return ""


class Kubectl:
    """kubectl with a home of its own."""

    def __init__(self, api: Api, home: Path) -> None:
        self.api, self._home = api, home

    async def start(self, *command: str) -> asyncio.subprocess.Process:
        """A kubectl that runs on; its standard error goes where its output goes."""
        flags = (f"--kubeconfig={self.api.kubeconfig}", f"--namespace={self.api.namespace}")
        return await asyncio.create_subprocess_exec(
            *(program(), *flags, *command),
            env={"PATH": os.environ["PATH"], "HOME": str(self._home)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def __call__(self, command: str | list[str], text: str = "", code: int = 0) -> str:
        """What a command prints; it must end with `code`."""
        process = await self.start(*(command.split() if isinstance(command, str) else command))
        try:
            out, _ = await asyncio.wait_for(process.communicate(text.encode()), LIMIT_S)
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode == code, (command, out.decode())
        return out.decode()

    async def table(self, command: str) -> list[dict[str, str]]:
        """The rows of what `kubectl get` prints, by heading; headings are cut where they stand."""
        head, *lines = (await self(command)).splitlines()
        starts = [
            i
            for i, c in enumerate(head)
            if c != " " and (i == 0 or (head[i - 3 : i].strip() == "" and head[i - 1] == " "))
        ]
        ends = [*starts[1:], None]
        names = [head[a:b].strip() for a, b in zip(starts, ends, strict=True)]
        return [
            dict(zip(names, (line[a:b].strip() for a, b in zip(starts, ends, strict=True)), strict=True))
            for line in lines
        ]

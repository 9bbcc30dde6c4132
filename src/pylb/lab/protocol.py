"""How a running lab is spoken to: one JSON object a line over an abstract unix socket, one answer a line.

A request is `{"do": WHAT, …}`. An answer is the result, or `{"error": TEXT, "exit": CODE}`.
"""

from __future__ import annotations

import json
import os
from typing import Any

from pylb.lab.errors import BadInput, LabError, NotRunning

LINE_LIMIT = 1 << 22  # bytes of one request or answer: a log may be long


def address(name: str, uid: int | None = None) -> str:
    """The abstract socket of a user's lab."""
    return f"\0pylb-lab-{os.getuid() if uid is None else uid}-{name}"


def encode(message: dict[str, Any]) -> bytes:
    """A message as a line."""
    return json.dumps(message).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The message of a line; BadInput if it is none."""
    try:
        message = json.loads(line)
    except ValueError:
        raise BadInput("control socket: a line that is not JSON") from None
    if not isinstance(message, dict):
        raise BadInput("control socket: a line that is no JSON object")
    return message


def failure(error: LabError) -> dict[str, Any]:
    """An error as an answer."""
    return {"error": str(error), "exit": error.exit_code}


def result(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer that is no error; else the error is raised here."""
    if "error" not in answer:
        return answer
    code = answer.get("exit", 1)
    kinds = {BadInput.exit_code: BadInput, NotRunning.exit_code: NotRunning}
    raise kinds.get(code, LabError)(str(answer["error"]))

"""What every daemon serves: whether it lives, and whether it can do its work."""

from __future__ import annotations

import pytest

from pylb.runtime.endpoints import OPEN, routes
from pylb.runtime.eventlog import EventLog
from pylb.runtime.gate import Request, Response, admit
from pylb.runtime.metrics import Registry


@pytest.mark.parametrize(("ready", "status"), [(True, None), (False, 503)])
async def test_who_is_not_ready_lives_all_the_same(ready: bool, status: int | None) -> None:
    served = routes(Registry(), dict, EventLog(), lambda: ready)
    answers = {path: await served[path](Request("GET", path)) for path in ("/healthz", "/readyz")}
    assert answers["/healthz"] == b"ok\n"
    told = answers["/readyz"]
    assert (told.status if isinstance(told, Response) else None) == status


def test_a_kubelet_has_no_token() -> None:
    served = routes(Registry(), dict, EventLog(), lambda: True)
    free = {path for path in served if admit(Request("GET", path), served, OPEN, "token") is None}
    assert free == {"/healthz", "/readyz"}

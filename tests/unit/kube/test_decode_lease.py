"""A Lease as the API server sends it: by us, by others, and by nobody sane."""

from __future__ import annotations

from typing import Any

import pytest

from pylb.core.lease import Record
from pylb.kube import decode
from pylb.kube.decode import DecodeError

META = {"name": "pylb-controller", "resourceVersion": "7"}
STAMP = "2026-11-21T01:02:03.000000Z"


@pytest.mark.parametrize(
    ("spec", "record"),
    [
        (None, Record("", "7", 0.0)),
        ({}, Record("", "7", 0.0)),
        ({"holderIdentity": None, "leaseDurationSeconds": 1}, Record("", "7", 1.0)),
        (
            {"holderIdentity": "c_1", "leaseDurationSeconds": 11, "acquireTime": STAMP, "leaseTransitions": 3},
            Record("c_1", "7", 11.0, STAMP, 3),
        ),
    ],
)
def test_what_a_lease_says(spec: Any, record: Record) -> None:
    assert decode.lease({"metadata": META, "spec": spec}) == record


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"metadata": {}},
        {"metadata": META, "spec": ["x"]},
        {"metadata": META, "spec": {"leaseDurationSeconds": "x"}},
    ],
)
def test_one_exception_whatever_the_shape(raw: Any) -> None:
    with pytest.raises(DecodeError):
        decode.lease(raw)

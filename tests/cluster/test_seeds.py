"""The rows of people's own documents (`fakes.seeds`) on a real Kubernetes, with kubectl and a real kube-proxy.

A row's subnet stands on the LAN beside the cluster's own: every host, nodes and client and router, gets a second
address in it for as long as the row lasts. So what is looked at is what it would be in a LAN of that subnet alone: who
answers there, on the interface that has it, and what comes back to a client in it. Only the nodes' InternalIPs, over
which the speakers hear each other, stay where they are. The lab plays the same rows on a LAN that has no other subnet.
What a row types is left to stand until the next one begins.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakes.real import RealLan
from fakes.seeds import ROWS, Row


@pytest.fixture(scope="module", params=["cluster", "iptables_cluster"], ids=["nftables", "iptables"])
def lan(request: pytest.FixtureRequest) -> Iterator[RealLan]:
    """A cluster of each mode of kube-proxy."""
    with RealLan(request.getfixturevalue(request.param)) as lan:
        yield lan
        lan.empty()


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_row(
    lan: RealLan, row: Row, record_property: pytest.RecordProperty, capsys: pytest.CaptureFixture[str]
) -> None:
    lan.empty()
    lan.absent(*row.namespaces)
    with lan.beside(row.subnet):
        figures = row.play(lan) or {}
    for name, value in figures.items():
        record_property(name, value)
        with capsys.disabled():
            print(f" [{name}: {value:.3f}]", end="")

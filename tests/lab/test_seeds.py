"""The rows of people's own documents (`fakes.seeds`), each in a lab whose LAN is the document's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakes import lan as lans
from fakes.lan import Lan
from fakes.seeds import ROWS, Row


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[Lan]:
    """The lab with the subnet of a row."""
    with lans.start(request.param) as lan:
        yield lan


@pytest.fixture
def lan(shared: Lan) -> Lan:
    """That lab, as new."""
    shared.empty()
    return shared


def parameters(row: Row) -> object:
    marks = [pytest.mark.kubectl] if row.kubectl else []
    return pytest.param(row.subnet, row, marks=marks, id=row.name)


@pytest.mark.parametrize(("shared", "row"), [parameters(row) for row in ROWS], indirect=["shared"])
def test_row(lan: Lan, row: Row, record_property: pytest.RecordProperty, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in (row.play(lan) or {}).items():
        record_property(name, value)
        with capsys.disabled():
            print(f" [{name}: {value:.3f}]", end="")

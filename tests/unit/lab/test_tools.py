"""The small tools that run on a lab's hosts, and the words between a lab's processes."""

from __future__ import annotations

import json

import pytest

from pylb.lab import arping, control, protocol, settings
from pylb.lab.errors import BadInput, LabError, NotRunning
from pylb.lab.fetch import split

MAC, PEER = bytes.fromhex("024c42000015"), bytes.fromhex("024c42000005")


def test_an_arp_request_and_what_it_says() -> None:
    frame = arping.encode(
        arping.REQUEST, arping.BROADCAST, (MAC, b"\x0a\x4d\x00\x15"), (b"\0" * 6, b"\x0a\x4d\x00\x64")
    )
    assert len(frame) == 42
    assert arping.decode(frame + b"\0" * 18) == {
        "op": "request",
        "from": "02:4c:42:00:00:15",
        "to": "ff:ff:ff:ff:ff:ff",
        "mac": "02:4c:42:00:00:15",
        "ip": "10.77.0.21",
        "target_mac": "00:00:00:00:00:00",
        "target": "10.77.0.100",
    }


@pytest.mark.parametrize("frame", [b"", b"\0" * 41, b"\xff" * 60])
def test_what_is_no_arp_is_nothing(frame: bytes) -> None:
    assert arping.decode(frame) is None


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://10.77.0.100/", ("10.77.0.100", 80, "/")),
        ("http://10.77.0.100:8080/a/b?c", ("10.77.0.100", 8080, "/a/b?c")),
        ("http://[fd77::100]", ("fd77::100", 80, "/")),
        ("http://[fd77::100]:81/", ("fd77::100", 81, "/")),
        ("http://name", ("name", 80, "/")),
    ],
)
def test_urls(url: str, place: tuple[str, int, str]) -> None:
    assert split(url) == place


@pytest.mark.parametrize("url", ["", "10.77.0.100", "https://10.77.0.100/", "http://a:b/"])
def test_what_is_no_http_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        split(url)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"error": "x", "exit": 2}, BadInput),
        ({"error": "x", "exit": 3}, NotRunning),
        ({"error": "x", "exit": 1}, LabError),
        ({"error": "x"}, LabError),
    ],
)
def test_an_error_crosses_the_socket_as_itself(answer: dict[str, object], error: type[LabError]) -> None:
    with pytest.raises(error) as caught:
        protocol.result(answer)
    assert type(caught.value) is error
    assert protocol.failure(caught.value) == {"error": "x", "exit": error.exit_code}


def test_an_answer_that_is_no_error_is_the_result() -> None:
    assert protocol.result({"a": 1}) == {"a": 1}


async def test_orders_are_answered_whatever_they_are() -> None:
    async def echo(request: dict[str, object]) -> dict[str, object]:
        return {"got": request["x"]}

    served = control.Control({"echo": echo})
    assert await served.answer(b'{"do": "echo", "x": 5}\n') == {"got": 5}
    for line in (b"", b"[]", b"{", b"\xff", b'{"do": "dance"}', b"{}"):
        answer = await served.answer(line)
        assert answer["exit"] == 2, line
    assert answer["error"] == "order 'None': not known; there are echo"


def test_settings_survive_a_command_line() -> None:
    wanted = settings.Settings("a", 2, "10.0.0.0/24", without=("speakers",))
    handles = settings.Handles(3, 4, 5, 6)
    word = settings.encode(wanted, handles)
    assert settings.decode(word) == (wanted, handles)
    assert json.loads(word)["handles"]["control"] == 4

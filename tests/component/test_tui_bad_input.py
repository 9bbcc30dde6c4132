"""What the screen makes of names and texts that somebody else chose: nothing breaks a frame, a column or the terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from fakes import tui_source as fake
from fakes import world
from fakes.tui_stage import NOW, Stage, stage
from pylb.core import events
from pylb.core.model import Service
from pylb.tui.facts import ConfigSeen, Fact, Held, Kind, Member, Note, ObjectChanged, Online, Snapshot, SpeakerHeard

SIZES = [(80, 24), (120, 40), (200, 50)]
DIGITS = "1234567"
LONG = "a" * 63 + "." + "b" * 63 + "." + "c" * 63 + "." + "d" * 61  # 253 characters, as a DNS name may have
WIDE = "日本語のプール🏠"
EVIL = "[bold red]x[/] [/nothing] \x1b[2J\x1b]0;title\x07 two\nlines\tand \u202eback \u200bhidden 👩\u200d👩\u200d👧 ❤\ufe0f e\u0301 \ud800"


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No colour setting of whoever runs the tests."""
    for name in ("NO_COLOR", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)


def bad(text: str, at: float = NOW) -> list[Fact]:
    """A cluster in which everything that somebody may choose freely is this text."""
    config = world.configured(world.pool(text or "p", "192.168.1.240-192.168.1.250", "fd00:10::100-fd00:10::1ff"))
    service = replace(
        Service("home/mqtt"),
        annotations={"metallb.io/loadBalancerIPs": text, "metallb.io/address-pool": text, "x": text},
        load_balancer_class=text,
        load_balancer_ip=text,
        ingress=("192.168.1.240", "fd00:10::100"),
    )
    return [
        Online(at),
        ConfigSeen(config),
        ObjectChanged(Kind.SERVICE, "home/mqtt", service, at),
        ObjectChanged(Kind.SERVICE, "home/waits", replace(service, key="home/waits", ingress=()), at),
        SpeakerHeard(
            at,
            Snapshot(
                "n1",
                addresses=(Held("192.168.1.240", "n1", mine=True),),
                members=(Member(text, alive=True),),
                problems=(text,),
            ),
        ),
        Note(at, "home/mqtt", True, text, text, text, text),
        events.Pending(at, "home/waits", text, text),
        events.Moved(at, "192.168.1.240", text, "n1", ("home/mqtt",), text, 400.0, 410.0),
        events.ConfigRejected(at, (text,), text),
    ]


def check(on: Stage, size: tuple[int, int]) -> None:
    """Each line is as wide as the terminal, frames stand one below the other, and no command is in it."""
    strips = on.app.screen._compositor.render_strips()
    assert len(strips) == size[1]
    assert {strip.cell_length for strip in strips} == {size[0]}, on.text()
    for strip in strips:
        first, last = strip.text[:1], strip.text.rstrip()[-1:]
        assert first not in "│╭╰" or last in "│╮╯", on.text()
        assert strip.text.replace("\u0301", "").isprintable(), strip.text
        for segment in strip:
            assert segment.control is None
    assert "[/]" not in on.text() or "[bold red]" in on.text()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "text", [LONG, WIDE * 8, EVIL, "", "[", "fd00:10::100]:80"], ids=["long", "wide", "evil", "empty", "bracket", "v6"]
)
async def test_no_text_of_anybody_breaks_a_screen(text: str, size: tuple[int, int]) -> None:
    async with stage(size, facts=bad(text)) as on:
        await on.shows("home/mqtt" if size[0] == 80 else "mqtt", "192.168.1.240")
        for digit in DIGITS:
            await on.pilot.press(digit)
            await on.settled()
            check(on, size)
        await on.pilot.press("1", "enter")
        await on.settled()
        check(on, size)
        await on.pilot.press("escape", "slash", *"日本")
        await on.settled()
        check(on, size)


@pytest.mark.parametrize("size", SIZES)
async def test_names_of_full_length_leave_room_for_what_matters(size: tuple[int, int]) -> None:
    """The address, the state and the node of a Service are there whatever its name is."""
    held = Held("fd00:10::100", "n1", mine=True)
    facts = [
        *bad("default"),
        fake.change("n" * 63, "s" * 63, "fd00:10::100"),
        SpeakerHeard(NOW, Snapshot("n1", addresses=(held,))),
    ]
    async with stage(size, facts=facts) as on:
        await on.shows("fd00:10::100", "n1")
        check(on, size)


@pytest.mark.parametrize("skew", [-1e18, -7200.0, 7200.0, 1e18], ids=["long ago", "behind", "ahead", "far ahead"])
async def test_a_clock_that_is_wrong_breaks_nothing(skew: float) -> None:
    """Facts from the future are as new as can be; those that no calendar holds have no time."""
    async with stage((120, 40), facts=[Online(NOW), *bad("default", NOW + skew)]) as on:
        for digit in DIGITS:
            await on.pilot.press(digit)
            await on.settled()
            check(on, (120, 40))
            assert "-1" not in on.text().replace("-11", "")
        await on.pilot.press("1", "enter")
        await on.settled()
        check(on, (120, 40))


async def test_what_stands_after_a_wide_name_stands_in_line() -> None:
    """The figures of all pools are below each other, though their names are of another width."""
    pools = (world.pool("default", "192.168.1.240/28"), world.pool("日本語", "192.168.2.240/28"))
    async with stage((120, 40), facts=[Online(NOW), ConfigSeen(world.configured(*pools))]) as on:
        await on.shows("default", "0/16")
        lines = [line for line in on.text().split("\n") if "0/16" in line]
        assert len({cell_len(line[: line.index("0/16")]) for line in lines}) == 1, on.text()
        assert len(lines) == 2

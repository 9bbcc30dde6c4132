"""The screen, driven as a user would: what it shows at each size, and what the keys do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from textual import events as keys
from textual.filter import NoColor
from textual.keys import _character_to_key as character_to_key
from textual.widgets import Input
from textual.widgets._toast import Toast

from fakes import tui_source as fake
from fakes.tui_stage import NOW, Demo, Stage, stage
from pylb.core import events
from pylb.tui.app import PylbApp
from pylb.tui.facts import Fact, Held, Member, Online, Snapshot, SpeakerHeard
from pylb.tui.screens.help import Help
from pylb.tui.seams import Key, Selection
from pylb.tui.widgets.live_table import LiveTable

SIZES = [(80, 24), (100, 30), (140, 40)]


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No colour setting of whoever runs the tests."""
    for name in ("NO_COLOR", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ascii_only", [False, True])
async def test_every_size_shows_all_that_matters(size: tuple[int, int], ascii_only: bool) -> None:
    async with stage(size, ascii_only=ascii_only) as on:
        await on.shows("pylb  microk8s-home", "LIVE", "3/4 ", "rpi4", "POOLS 4", "SERVICES 13", "CONF", "jellyfin-b")
        await on.shows("default", "8/11", "192.168.1.243", "rpi2!", "answers for it too", "/ Filter", "q Quit")
        lines = on.text().split("\n")
        assert len(lines) == size[1]
        assert {len(line) for line in lines} == {size[0]}
        assert on.app.screen.query_one(LiveTable).max_scroll_x == 0
        frames = [line for line in lines if line[0] in "│|╭╰+"]
        assert len(frames) > 12
        assert all(line[-1] in "│|╮╯+" for line in frames)


@pytest.mark.parametrize("size", SIZES)
async def test_ascii_means_ascii(size: tuple[int, int]) -> None:
    async with stage(size, ascii_only=True, extras=[Demo()]) as on:
        await on.shows("SERVICES 13")
        assert on.text().isascii()
        await on.pilot.press("slash", "x")
        assert on.text().isascii()
        await on.pilot.press("escape", "question_mark")
        await on.shows("HELP")
        assert on.text().isascii()


async def test_the_first_picture_does_not_wait_for_the_source() -> None:
    async with stage(facts=[]) as on:
        await on.shows("connecting", "POOLS", "not read yet", "SERVICES 0", "nothing happened yet")


async def test_a_moved_address_is_on_the_screen() -> None:
    async with stage() as on:
        await on.shows("SERVICES 13")
        moved = events.Moved(NOW, "192.168.1.240", "rpi1", "rpi3", ("ingress/nginx",), "silent", 501.0, 512.0)
        on.source.push(
            *(
                fake.speaker(node, NOW, ("rpi1", "rpi2", "rpi3"), owners={"192.168.1.240": "rpi3"})
                for node in fake.NODES[:3]
            ),
            moved,
        )
        await on.shows("rpi1 → rpi3 after 512 ms: not heard any more, for ingress/nginx", "MOVE 2")
        line = next(line for line in on.text().split("\n") if "nginx " in line)
        assert line.startswith("│ MOVE")
        assert " rpi3 " in line


@pytest.mark.parametrize("size", SIZES)
async def test_an_address_that_is_stood_in_for_is_a_note(size: tuple[int, int]) -> None:
    """At any width: who answers for whom, in the table and among the events; and it is no problem."""
    address, pair = "192.168.1.244", ("rpi1", "rpi2")
    told = [
        Snapshot(
            node,
            members=tuple(Member(other, True) for other in pair if other != node),
            addresses=(Held(address, "rpi3", False, standing="rpi3" if node == "rpi1" else "", term=3),),
        )
        for node in pair
    ]
    facts: list[Fact] = [
        Online(NOW),
        fake.change("monitoring", "grafana", address, created=NOW - 900),
        *(SpeakerHeard(NOW, one) for one in told),
        events.StoodIn(NOW - 2, address, "rpi1", "rpi3"),
    ]
    async with stage(size, facts=facts) as on:
        await on.shows("HELP", "rpi3*", "rpi1 answers for rpi3, whose speaker is away")
        assert "DEGR" not in on.text()


async def test_offline_keeps_the_truth_and_online_ends_it() -> None:
    async with stage() as on:
        await on.shows("SERVICES 13")
        on.source.push(fake.offline(NOW))
        await on.shows("OFFLINE 0s", "next try in 8s (r now)", "homeassistant")
        assert on.app.screen.has_class("-offline")
        await on.pilot.press("r")
        assert on.source.hurried == 1
        on.source.push(Online(NOW))
        await on.shows("LIVE", " 3/4 ")
        assert not on.app.screen.has_class("-offline")
        assert "OFFLINE" not in on.text()


async def test_filter_by_typing() -> None:
    async with stage() as on:
        await on.shows("SERVICES 13")
        await on.pilot.press("slash", *"ns:monitoring")
        await on.shows("SERVICES 2 of 13", "filter: ns:monitoring", "prometheus")
        assert "nginx" not in on.text()
        await on.pilot.press("enter")
        assert isinstance(on.app.focused, LiveTable)
        await on.shows("filter: ns:monitoring")
        await on.pilot.press("escape")
        await on.shows("SERVICES 13 ")


async def test_letters_that_follow_the_slash_at_once_are_the_filters() -> None:
    """All keys are there before the first is handled, as from a quick hand or over a slow line."""
    async with stage(extras=[Demo()]) as on:
        await on.shows("SERVICES 13")
        for letter in "/svc:media/jellyfin":
            on.app.post_message(keys.Key(character_to_key(letter), letter))
        await on.until(lambda: on.app.screen.query_one(Input).value == "svc:media/jellyfin")
        await on.shows("SERVICES 2 of 13")
        assert len(on.app.screen_stack) == 2


@pytest.mark.parametrize("page", ["1", "2", "3", "4", "6", "7"])
async def test_what_is_said_covers_neither_the_table_nor_what_was_said_before(page: str) -> None:
    async with stage((80, 24), extras=[Demo()]) as on:
        await on.shows("SERVICES 13")
        await on.pilot.press(page)
        for _ in range(5):
            await on.pilot.press("c", "x")
        await on.until(lambda: len(on.app.screen.query(Toast)) == 1)
        [toast], table = on.app.screen.query(Toast), on.app.screen.query_one(LiveTable)
        assert toast.region.height == 1
        assert toast.region.y >= table.region.bottom


async def test_keys_while_typing_are_text() -> None:
    async with stage(extras=[Demo()]) as on:
        await on.pilot.press("slash", *"qcx ?")
        assert on.app.screen.query_one(Input).value == "qcx ?"
        await on.shows("nothing passes the filter")


@pytest.mark.parametrize("text", ["[/bad]", "[", "[/", "[red]x", "\\["])
async def test_markup_in_what_is_typed_and_named(text: str) -> None:
    facts = [*fake.homelab(), fake.change("web", f"n{text}", created=NOW), fake.offline(NOW)]
    facts.append(events.Pending(NOW, f"web/n{text}", "x", f"why {text}"))
    async with stage((140, 40), facts) as on:
        await on.shows(f"n{text}", f"why {text}")
        await on.pilot.press("slash", *text)
        await on.shows(f"filter: {text}")


async def test_copy_says_what_it_copied() -> None:
    async with stage() as on:
        await on.shows("SERVICES 13")
        await on.pilot.press("c")
        assert on.app.clipboard == "192.168.1.243"
        await on.shows("copied 192.168.1.243")
        await on.pilot.press("j", "c")
        await on.shows("no address yet")


async def test_the_line_below_the_table_follows_the_cursor() -> None:
    async with stage() as on:
        await on.shows("home/mqtt 192.168.1.243")
        await on.pilot.press("j")
        await on.shows("media/jellyfin-b  address also in use by iot/zigbee2mqtt")
        await on.pilot.press("G")
        await on.shows("lab/echo 192.168.1.247")


async def test_pause_holds_the_view_and_counts() -> None:
    async with stage() as on:
        await on.shows("SERVICES 13")
        await on.pilot.press("space")
        on.source.push(fake.change("web", "later", "192.168.1.250"))
        await on.shows("PAUSED +1 changes", "SERVICES 13")
        await on.pilot.press("space")
        await on.shows("SERVICES 14", "LIVE")


async def test_help_tells_the_keys_and_closes() -> None:
    async with stage((100, 40), extras=[Demo()]) as on:
        await on.pilot.press("question_mark")
        await on.shows("HELP", "an address that no node announces", "PROBE [/x]", "cut its cable")
        assert isinstance(on.app.screen, Help)
        await on.pilot.press("x", "question_mark")
        await on.until(lambda: not isinstance(on.app.screen, Help))


@pytest.mark.parametrize("before", [(), ("slash",), ("question_mark",), ("colon",)], ids=str)
async def test_ctrl_c_quits_wherever_one_is(before: tuple[str, ...]) -> None:
    async with stage() as on:
        await on.pilot.press(*before, "ctrl+c")
        await on.until(lambda: not on.app.is_running)


async def test_q_quits() -> None:
    async with stage() as on:
        await on.pilot.press("q")
        await on.until(lambda: not on.app.is_running)


async def test_an_extra_has_its_panel_and_its_keys() -> None:
    demo = Demo()
    async with stage(extras=[demo]) as on:
        await on.shows("PROBE [/x]", "outage 412 ms", "[/bad] second")
        assert "one too many" not in on.text()
        assert demo.wide == 96
        await on.pilot.press("x")
        await on.shows("cut rpi2")
        assert demo.pressed == [Selection("home", "mqtt", "192.168.1.243", "rpi2")]
        await on.pilot.press("b")
        await on.shows("break: no [/such] thing")


def test_an_extra_may_not_take_a_key_of_the_app() -> None:
    class Greedy(Demo):
        @property
        def keys(self) -> Sequence[Key]:
            return (Key("q", "mine", self.cut),)

    with pytest.raises(ValueError, match=r"the key 'q' of .* is taken"):
        PylbApp(fake.FakeSource(), [Greedy()])


async def test_a_source_that_breaks_does_not_take_the_screen_with_it() -> None:
    class Broken(fake.FakeSource):
        async def run(self, put: Callable[[Fact], None]) -> None:
            raise RuntimeError("[/oops]")

    shown = PylbApp(Broken(), now=lambda: NOW)
    async with shown.run_test(size=(100, 30)) as pilot:
        on = Stage(shown, fake.FakeSource(), pilot)
        await on.shows("OFFLINE", "RuntimeError: [/oops]")


async def test_resizing_changes_the_columns_and_keeps_the_cursor() -> None:
    async with stage((200, 50)) as on:
        await on.shows("NAMESPACE", "home/mqtt ─")
        await on.pilot.press("j", "j", "j")
        selected = on.app.screen.query_one(LiveTable).selected
        await on.pilot.resize_terminal(80, 24)
        await on.shows("home/mqtt", "HOW")
        await on.until(lambda: "NAMESPACE" not in on.text())
        assert on.app.screen.query_one(LiveTable).selected == selected
        await on.pilot.resize_terminal(40, 10)
        await on.pilot.resize_terminal(100, 30)
        await on.shows("NAMESPACE")


async def test_colours_follow_the_theme_and_no_color_sends_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage() as on:
        await on.shows("SERVICES 13")
        assert on.app.theme == "pylb-dark"
        on.app.theme = "textual-light"
        await on.shows("SERVICES 13")
    monkeypatch.setenv("NO_COLOR", "1")
    async with stage() as on:
        await on.shows("SERVICES 13")
        assert on.app.native_ansi_color
        assert any(isinstance(one, NoColor) and one.enabled for one in on.app._filters)
        assert all(style.color is None and style.bgcolor is None for style in on.app.tones.values())


async def test_250_services_and_a_change_of_half_of_them() -> None:
    """Many rows stay a table: nothing is refilled for a change, and the cursor stays."""
    many = [fake.change("ns", f"svc{n:03}", f"10.0.{n // 200}.{n % 200}") for n in range(250)]
    async with stage(facts=[Online(NOW), *many]) as on:
        await on.shows("SERVICES 250")
        table = on.app.screen.query_one(LiveTable)
        await on.pilot.press(*["j"] * 20)
        selected, before = table.selected, table.writes
        on.source.push(*(fake.change("ns", f"svc{n:03}", f"10.0.{n // 200}.{n % 200}", fake.SPEC) for n in range(125)))
        await on.until(lambda: table.writes > before)
        assert table.selected == selected
        assert before < table.writes <= before + table.size.height  # lines on show alone: auto became pinned

"""The one table of screens: their keys, names, and where each is. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """A screen: its key in code, the digit that shows it, its name in full and short, and the class that draws it."""

    key: str
    digit: str
    name: str
    short: str
    drawn_by: str  # module of `pylb.tui.screens` and class, read when the screen is first shown


PAGES = (
    Page("overview", "1", "Overview", "Over", "overview:OverviewScreen"),
    Page("nodes", "2", "Nodes", "Nodes", "nodes:NodesScreen"),
    Page("failover", "3", "Failover", "Fail", "failover:FailoverScreen"),
    Page("requests", "4", "Requests", "Req", "requests:RequestsScreen"),
    Page("map", "5", "Map", "Map", "map:MapScreen"),
    Page("log", "6", "Log", "Log", "log:LogScreen"),
    Page("bgp", "7", "BGP", "BGP", "bgp:BgpScreen"),
)
DETAIL = Page("detail", "", "Detail", "Detail", "detail:DetailScreen")  # of the row that it was opened from
FIRST = PAGES[0]
BY_KEY = {page.key: page for page in (*PAGES, DETAIL)}
BRACKETS = {f"{side}_{shape}_bracket" for side in ("left", "right") for shape in ("square", "curly")}
FUNCTIONS = {f"f{number}" for number in range(2, 10)}
EXTRA_KEYS = frozenset({*"xszbap", "comma", "full_stop", *BRACKETS, *FUNCTIONS})  # no screen takes them


def for_extras(key: str) -> bool:
    """Whether a key, as Textual names it, is left to extras, such as the demo's."""
    return key in EXTRA_KEYS

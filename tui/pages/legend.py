"""What the words on the screens mean, for the help. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pylb.tui.columns import TONES
from pylb.tui.rows import Word
from pylb.tui.words import Line, Span

KEY_WIDTH = 18
MEANINGS = {
    Word.CONF: "two nodes announce it, or a stranger's MAC answers",
    Word.RIVL: "somebody else writes its status, too: stop one of the two",
    Word.PEND: "no address yet; the line below the table says why",
    Word.NOAN: "an address that no node announces",
    Word.FLAP: "went from node to node three times within a minute",
    Word.DEGR: "announced by a node that is not well",
    Word.HELP: "its node's speaker is away, another answers for it",
    Word.MOVE: "went to another node less than a minute ago",
    Word.OK: "announced by one node",
}
NOTES = (
    ("pinned", "by spec.loadBalancerIP or annotation loadBalancerIPs"),
    ("", "under metallb.io/ or the older metallb.universe.tf/"),
    ("*2", "two Services share the address"),
    ("n2 for n1", "n2 answers for n1 with its MAC; n1* where it is too long"),
    ("> or a triangle", "before a row: it changed within the last 10 s"),
    ("NODE ?", "cannot be told; n1? is a guess from an old event"),
)
FILTER = (
    ("web pi", "both words, in any column"),
    ("ns: pool: node:", "in one column; also ip: svc: st:pend"),
    ("!st:ok", "not"),
    ("re:^web-[0-9]", "a pattern; node:re:pi[12] in one column"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A command of a screen: its keys as people write them, its name, what it does, and its action."""

    keys: str
    label: str
    tells: str
    action: str
    group: str  # whose it is: own, table, list, app


def entry(key: str, text: str, tone: str = "info") -> Line:
    """A line of the help."""
    return (Span(f"{key:<{KEY_WIDTH}}", tone), Span(text))


def states() -> tuple[Line, ...]:
    """The states of Services, worst first, and signs beside them."""
    found = [entry(word.name, text, TONES[word]) for word, text in MEANINGS.items()]
    return (*found, (), *(entry(key, text) for key, text in NOTES))


def keys(entries: Sequence[Entry], group: str) -> tuple[Line, ...]:
    """The keys of one group."""
    return tuple(entry(one.keys, one.tells or one.label) for one in entries if one.group == group)


def together(entries: Sequence[Entry], group: str, text: str) -> tuple[Line, ...]:
    """All keys of one group in one line."""
    found = " ".join(one.keys for one in entries if one.group == group)
    return (entry(found, text),) if found else ()

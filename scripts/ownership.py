"""Writes the tables and drawings of docs/ownership.md from the code that decides; the text around them is not its matter.

Each stands between `<!-- NAME: begin -->` and `<!-- NAME: end -->`. What can be asked of the code is asked of it: which
claim stands, by `meet`; what a speaker says of itself after what happened, by an arbiter that it happens to.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
from types import ModuleType

import written

from pylb.core.model import NodeName
from pylb.core.ownership import (
    arbiter,
    beats,
    circle,
    claims,
    evidence,
    gazette,
    handover,
    keeper,
    peers,
    presence,
    segment,
    sight,
    turns,
    witness,
)
from pylb.core.ownership.beats import State
from pylb.core.ownership.claims import Claim
from pylb.speaker import app, beat, claimpage, datagram

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "ownership.md"
KNOWING = ("beats", "peers", "evidence", "witness", "sight", "segment", "circle", "presence", "turns")
DECIDING = (*KNOWING, "keeper", "handover", "claims", "gazette", "arbiter")
SPEAKING = ("heartbeat", "correspondents", "keyring", "strangers", "asked", "doors", "claimlist", "claimpage")
CARRYING = ("app", "notary", "sweep", *SPEAKING)
MOVES = ROOT / "scripts" / "moves.md"
# Modules whose constants MOVES names.
NAMED = (app, arbiter, circle, evidence, gazette, handover, keeper, peers, presence, sight, turns, witness)
DATAGRAMS = (beat, datagram, claimpage)
BLOCK = re.compile(r"<!-- (?P<name>\w+): begin -->\n.*?<!-- (?P=name): end -->", re.DOTALL)
SOON = 10.0  # s in which a speaker of the drawing has begun to take part
LINK = segment.Link("eth0", bytes.fromhex("020000000001"))
A, B = NodeName("A"), NodeName("B")


def moves() -> str:
    """What happens, what pylb does, and how fast: written by hand, but for the numbers."""
    named = {module.__name__.rpartition(".")[2]: module for module in NAMED}
    return MOVES.read_text(encoding="utf-8").strip().format(**named)


def signs() -> str:
    """The table of evidence."""
    rows = (
        (
            _sign(row.listed),
            _sign(row.owns),
            _sign(row.node),
            row.port.value if row.port else "",
            f"`{row.verdict.value}`",
            row.then,
            "" if row.limit is None or not row.cause else _s(row.limit),
            f"`{row.cause.value}`" if row.cause else "none",
        )
        for row in evidence.TABLE
    )
    told, node = "its beat, or a peer's fresh word of it", "the node's own address answers"
    port = f"TCP {arbiter.KUBELET}"
    head = (told, "the address answers", node, port, "verdict", "what it means", "stood in for", "cause of the move")
    return written.table(head, rows)


def address() -> str:
    """An address as a node sees it that does not own it."""
    lines = ["[*] --> heard: a node claims it", f"heard --> suspected: no beat for {_s(peers.MISSED)}"]
    lines += [f"suspected --> heard: {row.verdict.value}" for row in evidence.TABLE if row.cause is None]
    lines += [f"heard --> stood_in: its speaker says {State.RESTARTING.value}"]
    lines += ["suspected --> stood_in: its kernel answers", "stood_in --> heard: its own beat lists the address"]
    for row in evidence.TABLE:
        if row.cause is not None:
            when = "at the deadline" if row.limit is None else f"after {_s(row.limit)}" if row.limit else "at once"
            befores = ["stood_in"] if row.node else ["suspected", "stood_in"]
            lines += [f"{before} --> taken_over: {row.verdict.value}, {when}" for before in befores]
    lines += ["heard --> taken_over: its owner asks for it", "taken_over --> heard: by its new owner's beats"]
    names = {"heard": "owner heard", "stood_in": "stood in for", "taken_over": "taken over"}
    return _drawing([*lines, *(f'state "{told}" as {name}' for name, told in names.items())])


def speaker() -> str:
    """What a speaker says of itself; each arrow is what an arbiter said before and after."""
    return _drawing([f"{before} --> {after}: {why}" for before, why, after in happenings()])


def happenings() -> Iterator[tuple[str, str, str]]:
    """(state before, what happened, state after), found by making it happen."""
    one, now = _start()
    yield "[*]", "starts", one.state.value
    before, now = one.state, _until_active(one, now)
    yield before.value, f"knows the cluster, can read all beats, listened for {_s(presence.LISTEN)}", one.state.value
    now += presence.STALL_LIMIT + arbiter.TICK
    before = one.state
    one.tick(now)
    yield before.value, f"was held up for more than {_s(presence.STALL_LIMIT)}", one.state.value
    before, since = one.state, now
    now = _until_active(one, now)
    yield before.value, f"listened for {_s(round(now - since, 3))} again", one.state.value
    before = one.state
    one.use([], now)
    yield before.value, "no link is up", one.state.value
    now = _until_active(_with_link(one, now), now)
    for is_drained, why in ((True, "its node is drained"), (False, "its node is drained no more")):
        before = one.state
        one.drain(is_drained)
        yield before.value, why, one.state.value
    for said, why in ((State.RESTARTING, "SIGTERM"), (State.LEAVING, "ends for good: nothing says so")):
        one, now = _start()
        _until_active(one, now)
        before = one.state
        one.end(said)
        yield before.value, why, one.state.value


def _start() -> tuple[arbiter.Arbiter, float]:
    return _with_link(arbiter.Arbiter(A, 1, 0.0), 0.0), 0.0


def _with_link(one: arbiter.Arbiter, now: float) -> arbiter.Arbiter:
    one.use([LINK], now)
    return one


def _until_active(one: arbiter.Arbiter, now: float) -> float:
    """The time at which it takes part, ready or not before."""
    one.ready(True, now)
    deadline = now + SOON
    while one.state is not State.ACTIVE:
        now += arbiter.TICK
        one.tick(now)
        if now > deadline:
            raise AssertionError("it does not begin to take part")
    return now


def states() -> str:
    """What a speaker says of itself, and what that means to others."""
    told = comments(beats)
    rows = (
        (f"`{one.value}`", told.get(one.name, "takes part"), _sign(one.may_take), _sign(one.yields)) for one in State
    )
    return written.table(("state", "means", "takes addresses", "asks others to take its own"), rows)


def meetings() -> str:
    """Two claims, and the one that `meet` says stands."""
    line, where = [A, B], ip_address("192.0.2.1")
    pairs = (
        ("an ordinary one, and one made without a witness", Claim(A, 3), Claim(B, 4, provisional=True)),
        ("an owner that never lost its witness, and who took its address", Claim(A, 3), Claim(B, 4, taken=True)),
        ("an owner that started again, and who took its address", Claim(A, 3, restored=True), Claim(B, 4, taken=True)),
        ("an owner, and who was asked to take its address", Claim(A, 3), Claim(B, 4)),
        ("an owner and who took its address, both without a witness", Claim(A, 3, True), Claim(B, 4, True, taken=True)),
        ("two of one term", Claim(A, 3), Claim(B, 3)),
    )
    found = ((told, one, other, claims.meet(one, other, line, where)) for told, one, other in pairs)
    rows = ((told, _claim(one), _claim(other), won.node) for told, one, other, won in found)
    return written.table(("who meets", "A says", "B says", "who stands"), rows)


def _claim(claim: Claim) -> str:
    flags = [name for name in ("provisional", "taken", "restored", "yields") if getattr(claim, name)]
    return ", ".join([f"term {claim.term}", *flags])


def causes() -> str:
    """Why an address has the owner that it has: the causes that the deciding modules give."""
    told = comments(claims)
    source = "".join(inspect.getsource(import_module(f"pylb.core.ownership.{name}")) for name in DECIDING)
    given = [one for one in claims.Cause if f"Cause.{one.name}" in source]
    return written.table(
        ("cause", "means"), ((f"`{one.value}`", told.get(one.name, _words(one.value))) for one in given)
    )


def layout() -> str:
    """The bytes of a beat, as the modules' docstrings have them."""
    parts = ["\n".join(_indented(inspect.getdoc(module) or "")) for module in DATAGRAMS]
    return "\n\n".join(f"```\n{part}\n```" for part in parts)


def _indented(text: str) -> Iterator[str]:
    return (line.removeprefix("    ") for line in text.splitlines() if line.startswith("    "))


def times() -> str:
    """The constants of the modules that decide, and of those that carry out."""
    places = [*(f"core.ownership.{name}" for name in DECIDING), *(f"speaker.{name}" for name in CARRYING)]
    rows = (row for place in places for row in _constants(place))
    return written.table(("constant", "is", "means"), rows)


def _constants(place: str) -> Iterator[tuple[str, str, str]]:
    module = import_module(f"pylb.{place}")
    for names, comment in comments(module).items():
        if not hasattr(module, names.split(", ")[0]):
            continue  # a member of a class
        values = [getattr(module, name) for name in names.split(", ")]
        if names.startswith("_") or not all(isinstance(value, (int, float)) for value in values):
            continue
        unit, _, rest = comment.partition(" ")
        seconds = unit.rstrip(":,") == "s"
        is_ = ", ".join(f"{value:,}".replace(",", " ") if isinstance(value, int) else f"{value:g}" for value in values)
        yield f"`{place}.{names}`", f"{is_} s" if seconds else is_, rest if seconds else comment


def comments(module: ModuleType) -> dict[str, str]:
    """The comments of a module's constants and of its classes' members, by name; the names of one comment are joined."""
    source = inspect.getsource(module)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    at = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and not _is_local(node):
            told = [at[line] for line in range(node.lineno, (node.end_lineno or node.lineno) + 1) if line in at]
            names = ", ".join(one.id for one in ast.walk(node.targets[0]) if isinstance(one, ast.Name))
            if told and names.isupper():
                found[names] = " ".join(told)
    return found


def _is_local(node: ast.Assign) -> bool:
    return node.col_offset > 4  # a member of a class stands at 4


def _s(seconds: float) -> str:
    return f"{seconds:g} s"


def _words(value: str) -> str:
    return value.replace("_", " ")


def _sign(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def _drawing(lines: Iterable[str]) -> str:
    return "\n".join(["```mermaid", "stateDiagram-v2", *(f"    {line}" for line in lines), "```"])


BLOCKS: dict[str, Callable[[], str]] = {
    "moves": moves,
    "evidence": signs,
    "address": address,
    "speaker": speaker,
    "states": states,
    "meetings": meetings,
    "causes": causes,
    "beat": layout,
    "times": times,
}


def fill(text: str) -> str:
    """The page with what the code says now; ValueError if a block is missing, there twice, or unknown."""
    found = [match["name"] for match in BLOCK.finditer(text)]
    if sorted(found) != sorted(BLOCKS):
        raise ValueError(f"the page has the blocks {sorted(found)}, not {sorted(BLOCKS)}")
    return BLOCK.sub(lambda m: f"<!-- {m['name']}: begin -->\n{BLOCKS[m['name']]()}\n<!-- {m['name']}: end -->", text)


def main() -> int:
    """Write the page's blocks; with `--check` only say whether they are current."""
    return written.publish(DOCUMENT, fill(DOCUMENT.read_text(encoding="utf-8")), __file__)


if __name__ == "__main__":
    sys.exit(main())

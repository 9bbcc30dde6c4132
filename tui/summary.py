"""The two lines at the top: where one is, whether what one sees is fresh, and how the cluster stands. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pylb.tui import holders, leaders, words
from pylb.tui.rows import ServiceRow, Word
from pylb.tui.state import State
from pylb.tui.words import Glyphs, Line, Span

AMBER_S, RED_S = 10.0, 30.0  # age of the newest good byte
PROBLEM_NAMES = (
    (Word.CONF, "conflict", "bad"),
    (Word.RIVL, "rivalled", "bad"),
    (Word.PEND, "pending", "warn"),
    (Word.NOAN, "unannounced", "bad"),
    (Word.FLAP, "flapping", "bad"),
    (Word.DEGR, "degraded", "warn"),
    (Word.HELP, "stood in for", "info"),
    (Word.MOVE, "moved", "move"),
)
GAP = "   "  # between two things
SHORT_BELOW = 100  # cells: below, states are named by their codes


def freshness(state: State, now: float, glyphs: Glyphs, paused: int | None = None) -> Line:
    """The LIVE mark with the age of the newest good byte; `paused` is how many changes are held back."""
    if paused is not None:
        return (Span(f"PAUSED +{paused} changes", "warn"),)
    link = state.link
    if link.online is False:
        return (Span("OFFLINE", "bad"),)
    if link.heard_at is None:
        return (Span("connecting", "dim"),)
    old = max(now - link.heard_at, 0.0)
    tone = "good" if old < AMBER_S else "warn" if old < RED_S else "bad"
    return (Span(f"{glyphs.live} LIVE", tone), Span(f" {int(old)}s", "dim"))


def offline(state: State, now: float) -> Line:
    """The banner while the API server cannot be reached; empty while it can."""
    link = state.link
    if link.online is not False:
        return ()
    lost = words.lasting(now - (link.lost_at or now))
    wait = max(int(link.retry_at - now + 0.999), 0)
    data = f"what you see is of {words.clock(link.heard_at)}" if link.heard_at is not None else "nothing seen yet"
    retry = f"next try in {wait}s (r now)" if wait else "trying now"
    return (Span(f"OFFLINE {lost}  "), Span(f"{retry}  "), Span(f"{data}  "), Span(link.reason))


def standing(state: State, rows: Sequence[ServiceRow], now: float, width: int = SHORT_BELOW) -> Line:
    """Speakers, Services and what is wrong with them, in one line of any length."""
    return _joined(parts(state, rows, now, short=width < SHORT_BELOW), GAP)


def parts(state: State, rows: Sequence[ServiceRow], now: float, *, short: bool = False) -> list[Line]:
    """The same, thing by thing, what matters most first; `short` names states by their codes."""
    found = [_speakers(state, now, short=short), _plain("svc" if short else "services", shown(rows))]
    counts = Counter(row.word for row in rows)
    lack = leaders.lack(state, holders.seen_at(state, now))
    if lack:
        found.append((Span("ctl " if short else "controller "), Span(lack, "bad")))
    if problems(state):
        found.append((Span("configuration invalid", "bad"),))
    for word, name, tone in PROBLEM_NAMES:
        if counts[word]:
            found.append((Span(f"{word.name if short else name} "), Span(str(counts[word]), tone)))
    if drained := len(leaders.drained(state)):
        found.append((Span("drn " if short else "drained "), Span(str(drained), "warn")))
    if rows and not lack and not problems(state) and not any(counts[word] for word, _, _ in PROBLEM_NAMES):
        found.append((Span("all well", "good"),))
    if foreign := others(state, rows):
        found.append((Span(f"of another class {foreign}", "dim"),))
    return found


def shown(rows: Sequence[ServiceRow]) -> int:
    """How many Services the rows are of."""
    return len({(row.namespace, row.name) for row in rows})


def others(state: State, rows: Sequence[ServiceRow]) -> int:
    """How many Services have no row, since another load balancer serves their class."""
    seen = {f"{row.namespace}/{row.name}" for row in rows}
    return sum(
        key not in seen and dated.service.load_balancer_class is not None for key, dated in state.services.items()
    )


def problems(state: State) -> tuple[str, ...]:
    """What is wrong with the configuration, each thing once: as we read it, else as speakers and controller tell."""
    told = [text for texts in state.rejections.values() for text in texts]
    told += [text for one in state.speakers.values() if one.snapshot.stale for text in one.snapshot.problems]
    return state.problems or tuple(dict.fromkeys(told))


def _speakers(state: State, now: float, *, short: bool) -> Line:
    seen = holders.seen_at(state, now)
    silent = holders.silent_speakers(state, seen)
    everyone = set(state.speakers)
    everyone |= {pod.node for pod in state.pods.values() if pod.node and holders.is_speaker(pod.labels)}
    title = Span("spk " if short else "speakers ")
    if not everyone:
        return (title, Span("-", "dim"))
    well = len(everyone) - len(everyone & set(silent))
    head = (title, Span(f"{well}/{len(everyone)}", "good" if well == len(everyone) else "bad"))
    names = [node for node in silent if node in everyone]
    if not names:
        return head
    more = f" +{len(names) - 1}" if len(names) > 1 else ""
    return (*head, Span(f" !{names[0]}{more}" if short else f" {names[0]}{more} silent", "bad"))


def _plain(name: str, number: int) -> Line:
    return (Span(f"{name} "), Span(str(number), "strong"))


def _joined(parts: Sequence[Line], gap: str) -> Line:
    joined: list[Span] = []
    for part in parts:
        joined += [*([Span(gap)] if joined else []), *part]
    return tuple(joined)

"""Who gives addresses, and what keeps a whole cluster from it: no controller, drained nodes. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pylb.core.explanation.findings import Fix
from pylb.core.explanation.scene import Controllers
from pylb.core.model import Pod
from pylb.core.several import some
from pylb.tui.facts import Kind
from pylb.tui.holders import FRESH_S
from pylb.tui.state import Controller, State

LOOK = "kubectl -n pylb-system get pods -o wide"


def controllers(state: State, now: float) -> Controllers:
    """The controllers, as far as their pods can be seen and they tell of themselves."""
    pods = [pod for pod in state.pods.values() if _is_controller(pod)]
    known = state.listed.get(Kind.POD, False)
    ready = tuple(sorted(pod.name for pod in pods if pod.ready))
    heard = [one for one in state.controllers.values() if not one.silent and now - one.heard_at < 2 * FRESH_S]
    leader = next((one for one in heard if one.seat.leads), None)
    if leader is None or leader.seat.writes:
        name = leader.seat.pod.partition("/")[2] if leader is not None else ""
        trouble = _leaderless(heard) if leader is None else ""
        return Controllers(known, ready, name, trouble, "" if heard else _silence(state))
    why = leader.seat.trouble or "the API server does not answer it"
    return Controllers(known, ready, "", f"{leader.seat.pod} leads and may not write: {why}")


def _silence(state: State) -> str:
    """Why none answers that was asked; "" where none was."""
    return next((one.silent for one in state.controllers.values() if one.silent), "")


def _leaderless(heard: Sequence[Controller]) -> str:
    """Why nobody leads, where controllers can be asked."""
    if not heard:
        return ""
    why = next((one.seat.trouble for one in heard if one.seat.trouble), "")
    holder = next((one.seat.holder for one in heard if one.seat.holder), "")
    named = f"; the Lease names {holder}" if holder else ""
    return f"no controller leads{named}{': ' if why else ''}{why}"


def _is_controller(pod: Pod) -> bool:
    return pod.labels.get("app.kubernetes.io/component", pod.labels.get("component", "")) == "controller"


def leaderless(state: State, now: float) -> str:
    """Why no Service gets an address now; "" where one may, or nobody can tell."""
    seen = controllers(state, now)
    if not seen.known or seen.leader:
        return ""
    if seen.trouble or not seen.ready:
        return seen.trouble or "no controller is ready: no Service gets an address"
    return f"{some(seen.ready)} does not answer and may hang: {seen.silent}" if seen.silent else ""


def lack(state: State, now: float) -> str:
    """The same in a word for the header: "none", "silent" or ""."""
    seen = controllers(state, now)
    return "" if not leaderless(state, now) else "silent" if seen.ready and not seen.trouble else "none"


def drained(state: State) -> tuple[str, ...]:
    """The nodes that are drained, by name."""
    return tuple(sorted(name for name, node in state.nodes.items() if node.drained))


def cautions(state: State, now: float) -> tuple[Fix, ...]:
    """What concerns all Services, and the command that helps; `now` as of `holders.seen_at`."""
    found = []
    if why := leaderless(state, now):
        found.append(Fix(why, LOOK))
    if nodes := drained(state):
        found.append(Fix(f"drained, and announcing nothing new: {some(nodes)}", f"pylb undrain {nodes[0]}"))
    return tuple(found)

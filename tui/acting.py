"""From a key to something done: ask what is missing, look whether it is allowed, have it confirmed, do it, tell what came.

Off unless the user started with --write; while the cluster is away nothing is asked of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pylb.tui.pages import matrix, orders
from pylb.tui.pages.look import Look
from pylb.tui.pages.orders import Order
from pylb.tui.screens.confirm import Ask, Confirm
from pylb.tui.seams import Selection
from pylb.tui.widgets.toasts import say

if TYPE_CHECKING:
    from pylb.tui.app import PylbApp

READ_ONLY = "this is read-only: start pylb tui --write to change things"
AWAY = "the API server is away: nothing can be changed now"
NO_HANDS = "a recording cannot be changed"


async def act(app: PylbApp, name: str) -> None:
    """Go all the way for one of: pin, unpin, move, drain, rebalance."""
    page = app.shown
    if page is None or page.look is None or app.screen is not page:
        return
    look, selection = page.look, page.selection
    hindrance = _hindrance(app, look)
    if hindrance:
        say(app, hindrance, severity="warning")
        return
    order = await _order(app, name, look, selection)
    if isinstance(order, Order):
        await _carry_out(app, order)
    elif order:
        say(app, order, severity="warning")


def _hindrance(app: PylbApp, look: Look) -> str:
    if not app.write:
        return READ_ONLY
    if app.hands is None:
        return NO_HANDS
    return AWAY if look.offline else ""


async def _order(app: PylbApp, name: str, look: Look, selection: Selection) -> Order | str:
    simple: dict[str, Callable[[], Order | str]] = {
        "unpin": lambda: orders.unpin(look, selection),
        "drain": lambda: orders.drain(look, selection.node),
        "rebalance": lambda: orders.rebalance(look),
    }
    if name in simple:
        return simple[name]()
    if name == "pin":
        if not selection.service:
            return "choose a Service first"
        typed = await app.push_screen_wait(
            Ask(
                f"Pin {selection.namespace}/{selection.service} to which address?",
                selection.address,
                "enter asks again",
            )
        )
        return orders.pin(look, selection, typed) if typed else ""
    row = next((one for one in matrix.matrix(look) if one.address == selection.address), None)
    if row is None:
        return "choose an address first"
    hint = f"it may go to {', '.join(row.line)}" if row.line else "no other node may have it"
    typed = await app.push_screen_wait(Ask(f"Move {row.address} to which node?", row.line[0] if row.line else "", hint))
    return orders.move(look, selection, typed) if typed else ""


async def _carry_out(app: PylbApp, order: Order) -> None:
    assert app.hands is not None  # noqa: S101 - `_hindrance` looked
    why_not = await app.hands.forbidden(order.right)
    if why_not:
        say(app, why_not, severity="error")
        return
    if not await app.push_screen_wait(Confirm(order, app.tones)):
        return
    outcome = await app.hands.carry_out(order)
    say(app, f"{order.title.rstrip('?')}: {outcome.said}", severity="information" if outcome.done else "error")

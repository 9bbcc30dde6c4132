"""What the command line offers for a typed text. Pure.

`svc`, `ns`, `pool`, `node` and `theme` take a name, which is completed; everything else is a key's command by its label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pylb.tui.pages.catalogue import PAGES
from pylb.tui.pages.look import Look
from pylb.tui.words import Glyphs, Line, Span, fit

MAX_OFFERS = 200
NAME_WIDTH = 30


@dataclass(frozen=True, slots=True)
class Command:
    """Something to choose: `action` is what is done, as Textual names it; `fill`, what is typed on instead."""

    name: str
    tells: str
    action: str = ""
    fill: str = ""


def offers(text: str, look: Look, keys: Sequence[Command], themes: Sequence[str]) -> tuple[Command, ...]:
    """The commands that a text may mean, the likeliest first."""
    verb, blank, rest = text.lstrip(": ").partition(" ")
    if blank and verb in VERBS:
        complete = VERBS[verb][1]
        return _matching(rest, complete(look, themes))[:MAX_OFFERS]
    verbs = [Command(f"{name} {sample}", tells, fill=f"{name} ") for name, (sample, _, tells) in VERBS.items()]
    pages = [Command(page.name.lower(), f"show {page.name}", f"app.page({page.key!r})") for page in PAGES]
    return _matching(text.lstrip(": "), [*pages, *verbs, *keys])[:MAX_OFFERS]


def lines(found: Sequence[Command], cursor: int, width: int, height: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """As many commands as fit, with the one under the cursor among them."""
    first = max(0, min(cursor - height + 1, len(found) - height)) if cursor >= height else 0
    shown = [
        _line(command, first + place == cursor, width, glyphs)
        for place, command in enumerate(found[first : first + height])
    ]
    return tuple(shown) or ((Span(" nothing is called so", "dim"),),)


def _line(command: Command, chosen: bool, width: int, glyphs: Glyphs) -> Line:
    mark, tone = (">", "strong") if chosen else (" ", "")
    name = fit(command.name, NAME_WIDTH, glyphs).ljust(NAME_WIDTH)
    return (Span(f"{mark} {name}  ", tone), Span(fit(command.tells, width - NAME_WIDTH - 4, glyphs), "dim"))


def _matching(text: str, commands: Iterable[Command]) -> tuple[Command, ...]:
    """Those that hold all typed words; first those whose name begins with the text."""
    wanted = text.lower().split()
    kept = [one for one in commands if all(word in f"{one.name} {one.tells}".lower() for word in wanted)]
    whole = text.lower().strip()
    return tuple(sorted(kept, key=lambda one: (not one.name.lower().startswith(whole), whole not in one.name.lower())))


def _services(look: Look, themes: Sequence[str]) -> Iterable[Command]:
    for key in sorted(look.state.services):
        service = look.state.services[key].service
        args = ", ".join(repr(one) for one in (service.namespace, service.name, *service.ingress[:1]))
        yield Command(key, " ".join(service.ingress) or "no address", f"app.detail({args})")


def _namespaces(look: Look, themes: Sequence[str]) -> Iterable[Command]:
    names = sorted({dated.service.namespace for dated in look.state.services.values()})
    yield Command("all", "all namespaces", "app.narrow('')")
    yield from (_narrowed("ns", name, "Services of this namespace") for name in names)


def _pools(look: Look, themes: Sequence[str]) -> Iterable[Command]:
    names = sorted(look.state.config.pools) if look.state.config is not None else ()
    return (_narrowed("pool", name, "Services of this pool") for name in names)


def _nodes(look: Look, themes: Sequence[str]) -> Iterable[Command]:
    names = sorted({*look.state.nodes, *look.state.speakers})
    return (_narrowed("node", name, "what this node announces") for name in names)


def _narrowed(field: str, name: str, tells: str) -> Command:
    return Command(name, tells, f"app.narrow({f'{field}:{name}'!r})")


def _themes(look: Look, themes: Sequence[str]) -> Iterable[Command]:
    return (Command(name, "colours", f"app.theme({name!r})") for name in themes)


VERBS: dict[str, tuple[str, Callable[[Look, Sequence[str]], Iterable[Command]], str]] = {
    "svc": ("NS/NAME", _services, "Detail of a Service"),
    "ns": ("NAME", _namespaces, "show one namespace"),
    "pool": ("NAME", _pools, "show one pool"),
    "node": ("NAME", _nodes, "show one node"),
    "theme": ("NAME", _themes, "choose the colours"),
}

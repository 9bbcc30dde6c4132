"""`pylb demo`: with a terminal the screen with keys to break things, else the story as text or JSON lines."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable

import click

from pylb.demo.story import Act, play

MIN_NODES, MAX_NODES = 2, 9  # one to lose and one to take over; a key for each


@click.command()
@click.option("--script", is_flag=True, help="Play the story and print it, without a screen.")
@click.option("--json", "as_json", is_flag=True, help="The story as JSON lines.")
@click.option(
    "--nodes", default=3, show_default=True, type=click.IntRange(MIN_NODES, MAX_NODES), help="How many nodes."
)
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters alone.")
@click.option(
    "--sim", is_flag=True, help="The story on a simulated LAN, where there are no namespaces. It sends nothing."
)
def demo(script: bool, as_json: bool, nodes: int, ascii_only: bool, sim: bool) -> None:
    """Watch it work: three nodes, a Service, a cable that is pulled.

    Everything runs on this machine, in network namespaces of its own, with real packets; nothing is left behind. As
    root, or as anybody where user namespaces are allowed. Exit code of the story: 0 only if all of it happened.
    """
    if sim:
        sys.exit(_simulate(nodes, as_json))
    from pylb.lab.errors import LabError, NoNamespaces
    from pylb.tui.preferences import PreferencesError

    screen = not (script or as_json) and all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    try:
        if screen:
            from pylb.demo.screen import show

            show(nodes, ascii_only)
            return
        sys.exit(asyncio.run(_tell(nodes, _as_json if as_json else _as_text)))
    except LabError as error:
        instead = "; the same story, simulated: pylb demo --sim" if isinstance(error, NoNamespaces) else ""
        click.echo(f"pylb demo: {error}{instead}", err=True)
        sys.exit(error.exit_code)
    except PreferencesError as error:  # a setting of the screen's that cannot be read
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _simulate(nodes: int, as_json: bool) -> int:
    """Play the story in memory, and say so with each act; 0 if every act went well, else 1."""
    from pylb.demo.simulated import LABEL, rehearse

    ok = False
    for act in rehearse(nodes):
        ok = act.ok
        if as_json:
            click.echo(json.dumps({LABEL: True, "act": act.name, "ok": act.ok, "text": act.text, **act.figures}))
        else:
            click.echo(click.style(f"{LABEL}  ", fg="yellow"), nl=False)
            _as_text(act)
    return 0 if ok else 1


async def _tell(nodes: int, show: Callable[[Act], None]) -> int:
    """Play the story on a lab of its own; 0 if every act went well, else 1."""
    from pylb.demo.stage import SUBNET, Stage
    from pylb.lab.client import Lab

    started = time.monotonic()
    lab = await asyncio.to_thread(lambda: Lab.start(nodes=nodes, subnet=SUBNET))
    stage = Stage(lab)
    ok = False
    try:
        async for act in play(stage, started):
            show(act)
            ok = act.ok
            if not ok:
                break
    finally:
        await stage.close()
        await asyncio.to_thread(lab.stop)
    return 0 if ok else 1


def _as_json(act: Act) -> None:
    click.echo(json.dumps({"act": act.name, "ok": act.ok, "text": act.text, **act.figures}))


def _as_text(act: Act) -> None:
    mark = click.style("ok  ", fg="green") if act.ok else click.style("FAIL", fg="red", bold=True)
    times = {"ms": "{} ms", "detected_ms": "noticed after {:.0f} ms", "announced_ms": "announced after {:.0f} ms"}
    told = [form.format(act.figures[key]) for key, form in times.items() if act.figures.get(key) is not None]
    aside = click.style(f"  {', '.join(told)}", dim=True) if told and act.name != "recovered" else ""
    click.echo(f"{mark} {act.text}{aside}")

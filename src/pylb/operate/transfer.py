"""`pylb import` and `pylb export`.

Exit codes: 0 done, 1 something speaks against it, or the cluster refused, 2 wrong input, 3 the cluster cannot be reached, or
lets nothing be read.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import click

from pylb.addon.render import to_yaml
from pylb.core import keepsake
from pylb.core.allocation import memory
from pylb.core.legacy.names import Wanted
from pylb.core.legacy.plan import Fault, Plan
from pylb.core.model import ServiceKey
from pylb.core.printable import printable
from pylb.core.several import count, some
from pylb.kube import manifests
from pylb.kube.configuration import NAMESPACES
from pylb.kube.manifests import Unreadable
from pylb.operate import importing, source
from pylb.operate.cli import HELP_NAMES, OK, PROBLEM, WRONG, fail, run, to_cluster
from pylb.operate.importing import Importer, Wish
from pylb.operate.orders import WrongInput
from pylb.operate.shelf import Shelf
from pylb.operate.source import Old
from pylb.runtime import files

TABLE, YAML = "table", "yaml"
MAX_TOLD = 50  # faults
APPLY = "kubectl apply --server-side --force-conflicts -f"  # large, and what a controller made meanwhile gives way
HEADER = f"""\
# pylb export: the configuration, and which Service has which address.
# In a new cluster: install pylb, `{APPLY}` this file, then bring the Services back.
# Each Service whose namespace and name are in pylb-memory gets its address back; what a Service asks for itself
# stands in its own manifest. Secrets that BGPPeers name are not in here.
"""


@click.command("import", context_settings=HELP_NAMES)
@click.argument("file", metavar="[FILE]", required=False)
@click.option("--from-cluster", is_flag=True, help="Takes the ConfigMap that stands in the cluster.")
@click.option("--apply", "do", is_flag=True, help="Makes the resources; without it nothing is changed.")
@click.option("--remove-configmap", "remove", is_flag=True, help="Then removes the ConfigMap, and keeps its text.")
@click.option("--namespace", "-n", metavar="NAME", type=click.Choice(NAMESPACES), default=None,
              help="For the resources (default: the ConfigMap's, else metallb-system).")  # fmt: skip
@click.option(
    "--output", "-o", type=click.Choice([TABLE, YAML]), default=TABLE, show_default=True, help="What to print."
)
@to_cluster
def import_(
    file: str | None,
    from_cluster: bool,
    do: bool,
    remove: bool,
    namespace: str | None,
    output: str,
    kubeconfig: str | None,
    context: str | None,
) -> None:
    """Turn MetalLB's old ConfigMap (v0.8 to v0.12) into resources; FILE may be - for stdin.

    Without --apply it tells what it would do. With it all is done, or nothing, and every Service keeps its address.
    -o yaml prints the resources instead.
    """
    if bool(file) == from_cluster:
        raise click.UsageError("name either a FILE (- for stdin) or --from-cluster")
    if remove and not do:
        raise click.UsageError("--remove-configmap goes with --apply")
    if do and output == YAML:
        raise click.UsageError("-o yaml prints, and changes nothing: leave out --apply")
    wish = Wish(namespace or "", do, remove)
    try:
        old = source.find(source.called(file), manifests.load(file)) if file else None
        if old is not None:
            named, faults = importing.prepare(old, wish)
            if faults or output == YAML:
                sys.exit(_printed(old, named.wanted, faults, output == YAML))
    except (WrongInput, Unreadable) as error:
        fail(str(error), WRONG)
    run(lambda client: _import(Shelf(client), old, wish, output), kubeconfig, context)


async def _import(shelf: Shelf, given: Old | None, wish: Wish, output: str) -> int:
    maps = await shelf.old()
    old = given or importing.from_cluster(maps)
    named, faults = importing.prepare(old, wish)
    if faults or output == YAML:
        return _printed(old, named.wanted, faults, output == YAML)
    importer = Importer(shelf, click.echo)
    plan = await importer.plan(old, wish, maps)
    if plan.faults or not wish.apply:
        _tabulate(plan)
        return _told(old, plan.faults) or _next(old, maps, wish)
    if not await importer.apply(plan):
        return PROBLEM
    click.echo(f"{len(plan.due)} made or changed, {len(plan.steps) - len(plan.due)} as they were.")
    if wish.remove:
        return OK if await importer.retire(old, maps) else PROBLEM
    return _next(old, maps, wish)


def _printed(old: Old, wanted: tuple[Wanted, ...], faults: tuple[Fault, ...], as_yaml: bool) -> int:
    if not faults and as_yaml:
        click.echo(to_yaml(dict(one.body) for one in wanted), nl=False)
    return _told(old, faults)


def _told(old: Old, faults: tuple[Fault, ...]) -> int:
    """Each fault in a line, on stderr."""
    places = old.places() if faults else None
    for fault in faults[:MAX_TOLD]:
        line = places.find(fault.place).line if places and fault.place else 0
        where = f"{old.source}:{line}: " if line else ""
        about = f"{fault.where}: " if fault.where and not (line and fault.where == str(old.ref)) else ""
        fix = f"; {fault.fix}" if fault.fix else ""
        click.echo(printable(f"{where}{about}{fault.text}{fix}"), err=True)
    if len(faults) > MAX_TOLD:
        click.echo(f"and {len(faults) - MAX_TOLD} more", err=True)
    if faults:
        click.echo("Nothing was changed.", err=True)
    return PROBLEM if faults else OK


def _tabulate(plan: Plan) -> None:
    rows = [(step.wanted.kind, _place(step.wanted), str(step.verdict)) for step in plan.steps]
    kinds, places = (max((len(row[at]) for row in rows), default=0) for at in (0, 1))
    for kind, place, verdict in rows:
        click.echo(f"{kind:<{kinds}}  {place:<{places}}  {verdict}")


def _place(wanted: Wanted) -> str:
    return f"{wanted.body['metadata']['namespace']}/{wanted.name}"


def _next(old: Old, maps: list[source.JSON], wish: Wish) -> int:
    """What is left to do, in words."""
    if not wish.apply:
        click.echo("Nothing was changed: --apply does it.")
    for where in importing.sources(old, maps):
        namespace, _, name = where.partition("/")
        delete = f"kubectl -n {namespace} delete configmap {name}"
        told = "then remove it" if not wish.apply else "remove it when you like"
        click.echo(f"The ConfigMap {where} says the same and does no harm; {told}: {delete} (or --remove-configmap)")
    return OK


@click.command("export", context_settings=HELP_NAMES)
@click.option(
    "--file", "-f", metavar="FILE", help="Writes it there, for the owner's eyes alone; prints it if left out."
)
@click.option("--output", "-o", type=click.Choice([YAML]), default=YAML, show_default=True, help="The form.")
@to_cluster
def export(file: str | None, output: str, kubeconfig: str | None, context: str | None) -> None:
    """Back up pools, advertisements, BGP's configuration, and which Service has which address.

    kubectl apply --server-side --force-conflicts -f takes it. Apply it in a new cluster before the Services come, and
    they get their addresses back.
    """
    if file == "":
        raise click.UsageError("--file is empty: name a file, or leave it out")
    run(lambda client: _export(Shelf(client), file), kubeconfig, context)


async def _export(shelf: Shelf, file: str | None) -> int:
    objects, old, services, data = await asyncio.gather(
        shelf.objects(), shelf.old(), shelf.services(), shelf.memory(memory.NAMESPACE, memory.NAME)
    )
    kept = keepsake.remembered(services, memory.parse(data), time.time())
    lines = "".join(f"# {line}\n" for line in keepsake.remarks(services))
    text = HEADER + lines + to_yaml(map(dict, keepsake.documents(objects, old, kept)))
    if file:
        _write(Path(file), text)
        click.echo(f"{file}: {len(kept.entries)} Services with their addresses")
    else:
        click.echo(text, nl=False)
    return _lacking(keepsake.missing(services, kept))


def _lacking(missing: list[ServiceKey]) -> int:
    if missing:
        said = f"{count(len(missing), 'Service')} more than a controller remembers: {some(missing)}"
        click.echo(f"{said}; write theirs into their manifests (the head of the file lists them)", err=True)
    return PROBLEM if missing else OK


def _write(path: Path, text: str) -> None:
    try:
        files.write(path, text)
    except OSError as error:
        raise WrongInput(f"{path} cannot be written: {error.strerror}") from None

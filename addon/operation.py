"""The whole of enable, disable and range, for whichever command asks: look, agree, bring the image, deploy, wait, tell.

It decides the order, and that nothing is changed before the range is agreed on and the image is seen on the nodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pylb.addon import archive, oldconfig, presence, rollout, steps, takeover
from pylb.addon.cluster import Cluster
from pylb.addon.detection import METALLB, Finding, Weight, strays
from pylb.addon.dialogue import Dialogue, NoRange, Terminal, listed
from pylb.addon.inventory import with_pools
from pylb.addon.lan import Lan
from pylb.addon.names import JSON, NAMESPACE
from pylb.addon.render import IMAGE, Settings, pool, render
from pylb.addon.scout import Scout, scout
from pylb.addon.words import entry
from pylb.core.ranges import Range
from pylb.core.several import some


class Stopped(Exception):
    """Something in the cluster must be mended first; the message says what, and what to type."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for."""

    words: tuple[str, ...] = ()
    no_pool: bool = False
    force: bool = False
    image: str = IMAGE
    image_file: Path | None = None
    wait_s: float = rollout.LIMIT_S  # 0 does not wait
    dry_run: bool = False  # looks and asks, and changes nothing
    takeover: bool = False  # MetalLB's place is taken
    backup: Path = Path()  # the folder that the backup is written to


@dataclass(frozen=True, slots=True)
class Operation:
    """One run of a command. `typed` makes the command that a person would type for a range."""

    cluster: Cluster
    lan: Lan
    terminal: Terminal
    environment: Mapping[str, str]
    typed: Callable[[str], str]
    folders: tuple[Path, ...] = ()  # where an image archive may lie

    def enable(self, wish: Wish, settings: Settings) -> tuple[Range, ...]:
        """Install, or bring up to date; the ranges of the pool that was made. Raises what Operation raises.

        ClusterFault, Stopped, NoRange (nothing was changed) and ArchiveFault.
        """
        found = scout(self.cluster, self.lan, self.environment)
        self._heed([one for one in found.findings if not (wish.takeover and one.what == METALLB)], wish.force)
        lost = self._lost(found, wish)
        spans = () if wish.no_pool else self._dialogue(found, wish.force).agree(wish.words)
        if wish.words:
            self._tell_notes(found)
        if spans and not wish.takeover:
            self._heed(strays(found.inventory, spans), force=True)
        place = own.namespace if (own := found.inventory.own_pool) else settings.pool_namespace
        settings = replace(settings, addresses=tuple(map(entry, spans)), pool_namespace=place, image=wish.image)
        if wish.dry_run:
            self._tell_plan(settings, wish.takeover)
            return spans
        self._bring(wish)
        self._look_for_image(wish, settings)
        before = self._take_over(wish) if wish.takeover else {}
        held = takeover.adopted(before, found.inventory, spans)
        if held:
            entries = ", ".join(held[0]["spec"]["addresses"])
            self.terminal.say(f"  kept in a pool of their own, since no other holds them: {entries}")
        steps.enable(self.cluster, settings, self.terminal.say, [*lost, *held])
        takeover.renew(self.cluster)
        if found.inventory.nodes and wish.wait_s:
            self._wait(wish.wait_s)
        if wish.takeover:
            self._compare(before)
        return spans

    def _lost(self, found: Scout, wish: Wish) -> list[JSON]:
        """What an earlier backup holds and the cluster lost, as if it were there: it will be again."""
        if wish.words or wish.no_pool:
            return []
        lost = takeover.lost(self.cluster, found.inventory, wish.takeover)
        if lost:
            found.inventory = with_pools(found.inventory, [*lost, *oldconfig.pools(lost)])
            names = some([f"{one['kind']} {one['metadata']['name']}" for one in lost])
            self.terminal.say(
                f"  the pools are gone, with MetalLB's kinds or without; from the backup come back: {names}"
            )
        return lost

    def _take_over(self, wish: Wish) -> dict[str, tuple[str, ...]]:
        """Take MetalLB's place; the addresses that Services had."""
        before = takeover.addresses(self.cluster)
        saved = takeover.save(self.cluster, wish.backup, self.terminal.say)
        if not saved.workloads:
            self.terminal.say("  MetalLB itself is not here any more; its Services keep their addresses all the same")
        takeover.displace(self.cluster, saved, wish.force, self.terminal.say)
        return before

    def _compare(self, before: Mapping[str, Sequence[str]]) -> None:
        """See that no Service that is still there has another address than before."""
        items = self.cluster.listed(["services"])
        present = [f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in items]
        others = takeover.changed(before, takeover.addresses(self.cluster), present)
        if others:
            raise Stopped(f"not all Services kept their addresses: {some(others)}; `pylb rollback` goes back")
        kept = len(set(before) & set(present))
        self.terminal.say(f"  MetalLB's place is taken; the addresses of {kept} Services are as they were")

    def pools(self) -> list[str]:
        """The pools that are there, a line each. Raises ClusterFault."""
        found = scout(self.cluster, self.lan, self.environment)
        return [f"{one.key}: {', '.join(one.entries)}" for one in found.inventory.pools]

    def change(self, words: Sequence[str], force: bool) -> tuple[Range, ...]:
        """Change the pool that an installation of ours made, or make it. Raises ClusterFault, Stopped and NoRange."""
        found = scout(self.cluster, self.lan, self.environment)
        spans = self._dialogue(found, force).agree(words)
        self._tell_notes(found)
        self._warn_of(strays(found.inventory, spans), force)
        own = found.inventory.own_pool
        objects = pool(tuple(map(entry, spans)))
        if own is not None:
            objects = [item for item in objects if item["kind"] == "IPAddressPool"]
            objects[0]["metadata"]["namespace"] = own.namespace
        self.cluster.apply(objects)
        takeover.renew(self.cluster)
        return spans

    def _tell_plan(self, settings: Settings, taking_over: bool) -> None:
        """What an installation would make or change."""
        found = steps.look(self.cluster)
        kinds = Counter(str(item["kind"]) for item in render(settings) if found.mine(item))
        if taking_over:
            self.terminal.say("Before anything is installed it would:")
            for line in takeover.plan(*takeover.look(self.cluster)):
                self.terminal.say(f"  {line}")
        self.terminal.say("Nothing was changed. Made, or brought up to date, would be:")
        for kind, count in kinds.items():
            self.terminal.say(f"  {count:3} {kind}")
        if settings.addresses:
            self.terminal.say(f"  the pool: {', '.join(settings.addresses)}")

    def _dialogue(self, found: Scout, force: bool) -> Dialogue:
        return Dialogue(found, self.terminal, self.typed, force)

    def _tell_notes(self, found: Scout) -> None:
        for note in found.survey.notes:
            self.terminal.say(f"  note: {note}")

    def _heed(self, findings: Sequence[Finding], force: bool) -> None:
        """Say what was found; raises Stopped where it stops an installation that is not forced."""
        for one in findings:
            if one.weight is Weight.STOP and not force:
                lines = "\n  ".join((one.text, *one.fix))
                raise Stopped(
                    f"{lines}\nNothing was changed. Type the same command again then; --force does not wait for it."
                )
            (self.terminal.say if one.weight is Weight.NOTE else self.terminal.warn)(
                "\n    ".join((one.text, *one.fix))
            )

    def _warn_of(self, findings: Sequence[Finding], force: bool) -> None:
        for one in findings:
            self.terminal.warn(one.text)
            if not force and not self.terminal.interactive:
                raise NoRange("add --force if that is meant")
            if not force and not self.terminal.confirm("Change the range all the same?", False):
                raise NoRange("nothing was changed")

    def _bring(self, wish: Wish) -> None:
        path = wish.image_file or (archive.beside(self.folders) if wish.image == IMAGE else None)
        if path is None:
            return
        if not archive.can_import(self.environment):
            if wish.image_file:
                raise archive.ArchiveFault(f"this machine is no MicroK8s: give {path} to each node yourself")
            return
        archive.check(path, wish.image)
        self.terminal.say(f"  the image, from {path.name}, to every node (this takes a while)")
        printed = archive.bring(path, self.environment)
        if "fail" in printed.lower() or "error" in printed.lower():
            self.terminal.warn(printed)

    def _look_for_image(self, wish: Wish, settings: Settings) -> None:
        with self._space(settings):
            seen = presence.look(self.cluster, wish.image, pull=wish.image != IMAGE)
            if seen.missing:
                lines = [f"{node}: {why}" for node, why in sorted(seen.missing.items())]
                text = f"the image {wish.image} cannot be started on every node:"
                told = "\n  ".join((text, *lines, *self._image_help(wish, sorted(seen.missing))))
                raise Stopped(f"{told}\nNothing was deployed. Type the same command again then.")
        for node in seen.silent:
            self.terminal.warn(f"{node} does not answer: whether it has the image is not known")
        if seen.present:
            self.terminal.say(f"  the image {wish.image}: seen on {', '.join(seen.present)}")

    def _image_help(self, wish: Wish, nodes: Sequence[str]) -> list[str]:
        if wish.image != IMAGE:
            return ["see that the nodes can pull it"]
        if archive.can_import(self.environment):
            file = wish.image_file or archive.NAME
            return [f"type: microk8s images import {file}"]
        return [
            f"on each of {', '.join(nodes)}, type one of:",
            f"  sudo k3s ctr images import {archive.NAME}",
            f"  sudo ctr -n k8s.io images import {archive.NAME}",
        ]

    @contextmanager
    def _space(self, settings: Settings) -> Iterator[None]:
        """Our namespace for the look at the images; where that fails, and it was not there before, it goes again."""
        was = bool(self.cluster.find([f"namespaces/{NAMESPACE}"]))
        objects: list[JSON] = [one for one in render(settings) if steps.identity(one) == ("Namespace", NAMESPACE)]
        self.cluster.apply(objects)
        try:
            yield
        except BaseException:
            if not was:
                self.cluster.delete(objects)
            raise

    def _wait(self, limit_s: float) -> None:
        now = rollout.wait(self.cluster, lambda text: self.terminal.say(f"  {text}"), limit_s)
        if now.done:
            return
        kubectl = self.cluster.shown
        why = "; ".join(now.problems) or now.text
        raise Stopped(
            f"not everything was ready after {limit_s:.0f} s: {why}\n"
            f"It goes on by itself. Look: {kubectl} -n {NAMESPACE} get pods -o wide"
        )


def next_steps(
    cluster: Cluster,
    spans: Sequence[Range],
    no_pool: bool,
    later: str = "microk8s pylb range A-B",
    done: str = "enabled",
) -> str:
    """What was done, and what to type now."""
    state = (
        f"pylb is {done} and gives out {listed(spans)}." if spans else f"pylb is {done}; its pools are as they were."
    )
    if no_pool:
        state = f"pylb is {done}; make an IPAddressPool next."
    lines = {
        f"{cluster.shown} -n pylb-system get pods": "the controllers, and one speaker a node",
        f"{cluster.shown} create deployment web --image=nginx": "something to look at",
        f"{cluster.shown} expose deployment web --port=80 --type=LoadBalancer": "",
        f"{cluster.shown} get service web": "its address is the EXTERNAL-IP",
        later: "another range, later",
    }
    width = max(len(line) for line, what in lines.items() if what)
    shown = "\n".join(f"  {line:{width}}   {what}".rstrip() for line, what in lines.items())
    return f"{state}\n\nNext:\n{shown}"

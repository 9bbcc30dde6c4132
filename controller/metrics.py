"""The controller's metrics, under MetalLB's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylb.controller import fullness
from pylb.kube.statistics import Totals
from pylb.runtime.metrics import Gauge, Registry, add_process

if TYPE_CHECKING:
    from pylb.controller.app import Controller


def register(registry: Registry, controller: Controller) -> None:
    """Add everything that the controller counts; values are read when they are asked for."""
    add_process(registry)
    _register_pools(registry, controller)
    _register_updates(registry, controller)
    stale = registry.gauge("metallb_k8s_client_config_stale_bool", "1 if the last good configuration is in force.")
    loaded = registry.gauge("metallb_k8s_client_config_loaded_bool", "1 if a configuration was loaded once.")
    waiting = registry.gauge("pylb_services_pending", "Services that wait for an address, by reason.", "reason")
    contested = registry.gauge("pylb_services_contested", "Services that somebody else writes, too.")
    writes = registry.counter("pylb_status_writes_total", "Service statuses written.")
    pools = registry.counter("pylb_pool_status_writes_total", "Pools' statuses written.")
    leader = registry.gauge("pylb_leader", "1 if this controller leads: it alone gives addresses.")
    events = registry.counter("pylb_kubernetes_events_total", "Kubernetes Events, by what became of them.", "what")

    def collect() -> None:
        leader.set(controller.mandate.seat().leads)
        stale.set(controller.configuration.stale)
        loaded.set(controller.configuration.loaded)
        contested.set(len(controller.rivals.contests))
        writes.follow(controller.writer.written)
        pools.follow(controller.pools.written)
        for what, count in controller.recorder.statistics().items():
            events.follow(count, what=what)
        waiting.clear()
        reasons = [decision.reason.value for decision in controller.books.waiting.values() if decision.reason]
        for reason in set(reasons):
            waiting.set(reasons.count(reason), reason=reason)

    registry.collectors.append(collect)


def _register_updates(registry: Registry, controller: Controller) -> None:
    updates = registry.counter("metallb_k8s_client_updates_total", "Objects that came, changed or went.")
    errors = registry.counter("metallb_k8s_client_update_errors_total", "Objects that could not be read.")
    totals = Totals()

    def collect() -> None:
        totals.take((controller.services, *controller.configuration.collections))
        updates.follow(totals.changes)
        errors.follow(totals.undecodable)

    registry.collectors.append(collect)


def _register_pools(registry: Registry, controller: Controller) -> None:
    families: dict[tuple[int, ...], tuple[Gauge, Gauge]] = {
        versions: (
            registry.gauge(f"metallb_allocator_{prefix}addresses_total", "Usable addresses, by pool.", "pool"),
            registry.gauge(f"metallb_allocator_{prefix}addresses_in_use_total", "Addresses in use, by pool.", "pool"),
        )
        for prefix, versions in (("", (4, 6)), ("ipv4_", (4,)), ("ipv6_", (6,)))
    }

    def collect() -> None:
        for versions, (total, used) in families.items():
            total.clear()
            used.clear()
            if not controller.mandate.leads:  # or a sum over the controllers would count each pool twice
                continue
            given = controller.books.ledger.given()
            for name, pool in controller.configuration.current.pools.items():
                sizes = (fullness.capacity(pool, version) for version in versions)
                total.set(min(fullness.BIGGEST, sum(sizes)), pool=name)
                used.set(sum(given[name, version] for version in versions), pool=name)

    registry.collectors.append(collect)

"""The speaker's metrics: MetalLB's names, so that dashboards go on working, and pylb's own beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylb.runtime.metrics import Registry, add_process

if TYPE_CHECKING:
    from pylb.speaker.app import Speaker


def register(registry: Registry, speaker: Speaker) -> None:
    """Add everything that a speaker counts; values are read when they are asked for."""
    add_process(registry)
    _register_wire(registry, speaker)
    _register_members(registry, speaker)
    _register_cluster(registry, speaker)


def _register_wire(registry: Registry, speaker: Speaker) -> None:
    counts = speaker.announcer.counts
    by_ip = {
        registry.counter("metallb_layer2_requests_received", "Requests for owned addresses.", "ip"): counts.requests,
        registry.counter("metallb_layer2_responses_sent", "Answers to such requests.", "ip"): counts.responses,
        registry.counter("metallb_layer2_gratuitous_sent", "Gratuitous frames sent.", "ip"): counts.gratuitous,
    }
    dropped = registry.counter("pylb_layer2_frames_dropped_total", "Frames not answered, by reason.", "reason")
    conflicts = registry.counter("pylb_layer2_conflicts_total", "Claims of other MACs heard for owned addresses.")
    announced = registry.gauge(
        "metallb_speaker_announced", "Services announced from this node.", "service", "protocol", "node", "ip"
    )

    def collect() -> None:
        for metric, counter in by_ip.items():
            for address, count in counter.items():
                metric.follow(count, ip=str(address))
        for reason, count in counts.drops.items():
            dropped.follow(count, reason=reason.value)
        conflicts.follow(counts.conflicts)
        announced.clear()
        owned = speaker.arbiter.owned
        for address in speaker.announcer.placements:
            line = owned.get(address)
            for service in line.services if line else ():
                announced.set(1, service=service, protocol="layer2", node=speaker.node, ip=str(address))

    registry.collectors.append(collect)


def _register_members(registry: Registry, speaker: Speaker) -> None:
    heartbeat = speaker.heartbeat
    alive = registry.gauge("pylb_members_alive", "Speakers that take part, this one included.")
    beats = registry.counter("pylb_beats_total", "Heartbeats, by what became of them.", "what")

    def collect() -> None:
        presence = speaker.arbiter.presence
        alive.set(len(presence.members) + presence.state.may_take)
        fixed = {"sent": heartbeat.sent, "lost": heartbeat.lost, "heard": heartbeat.heard}
        fixed["stale"] = sum(segment.peers.stale for segment in presence.segments.values())
        refused = {flaw.value: count for flaw, count in heartbeat.refused.items()}
        for what, count in {**fixed, **refused}.items():
            beats.follow(count, what=what)

    registry.collectors.append(collect)


def _register_cluster(registry: Registry, speaker: Speaker) -> None:
    configuration = speaker.world.configuration
    loaded = registry.gauge("metallb_k8s_client_config_loaded_bool", "1 if a configuration was loaded once.")
    stale = registry.gauge("metallb_k8s_client_config_stale_bool", "1 if the last good configuration is in force.")
    events = registry.counter("pylb_kubernetes_events_total", "Kubernetes Events, by what became of them.", "what")

    def collect() -> None:
        for what, count in speaker.recorder.statistics().items():
            events.follow(count, what=what)
        loaded.set(configuration.loaded)
        stale.set(configuration.stale)

    registry.collectors.append(collect)

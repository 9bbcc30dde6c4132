"""The speaker's metrics: MetalLB's names, so that dashboards go on working, and pylb's own beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylb.core.ownership.claims import Cause
from pylb.kube.statistics import Totals
from pylb.runtime.metrics import Registry, add_process

if TYPE_CHECKING:
    from pylb.speaker.app import Speaker


def register(registry: Registry, speaker: Speaker) -> None:
    """Add everything that a speaker counts; values are read when they are asked for."""
    add_process(registry)
    _register_wire(registry, speaker)
    _register_members(registry, speaker)
    _register_moves(registry, speaker)
    _register_questions(registry, speaker)
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


def _register_moves(registry: Registry, speaker: Speaker) -> None:
    journal, arbiter = speaker.journal, speaker.arbiter
    moves = registry.counter("pylb_moves_total", "Addresses that came to this node from another, by cause.", "cause")
    stand_ins = registry.counter("pylb_stand_ins_total", "Times that this node began to answer in another's place.")
    standing = registry.gauge("pylb_standing_in", "Addresses that this node answers for in another's place.")
    provisional = registry.gauge("pylb_claims_provisional", "Addresses of this node's that it holds without a witness.")
    lost = registry.counter("pylb_history_lost_total", "Moves that were never written into pylb-history.")
    text = "Seconds from the last sign of an owner that was lost"
    registry.histogram("pylb_move_detection_seconds", f"{text} to the decision to take over.", journal.detection)
    registry.histogram("pylb_move_takeover_seconds", f"{text} to the first announcement here.", journal.takeover)
    for cause in {*Cause} - {Cause.FIRST, Cause.RESUMED}:
        moves.follow(0, cause=cause.value)

    def collect() -> None:
        for cause, count in journal.counts.items():
            moves.follow(count, cause=cause)
        stand_ins.follow(journal.stand_ins)
        standing.set(journal.standing)
        mine = (seat.mine for seat in arbiter.seats.values() if seat.mine is not None)
        provisional.set(sum(held.claim.provisional for held in mine))
        lost.follow(speaker.chronicle.lost)

    registry.collectors.append(collect)


def _register_questions(registry: Registry, speaker: Speaker) -> None:
    asked = registry.counter(
        "pylb_questions_total", "Questions put to the LAN, by what became of them.", "about", "what"
    )
    left_out = registry.gauge(
        "pylb_beat_claims_left_out", "Addresses that the beats on a link have no room for.", "link"
    )

    def collect() -> None:
        counts = speaker.prober.counts
        for what, counter in (("asked", counts.asked), ("answered", counts.answered), ("failed", counts.failed)):
            for subject, count in counter.items():
                asked.follow(count, about=subject.value, what=what)
        left_out.clear()
        for link, count in speaker.heartbeat.left_out.items():
            left_out.set(count, link=link)

    registry.collectors.append(collect)


def _register_cluster(registry: Registry, speaker: Speaker) -> None:
    configuration = speaker.world.configuration
    loaded = registry.gauge("metallb_k8s_client_config_loaded_bool", "1 if a configuration was loaded once.")
    stale = registry.gauge("metallb_k8s_client_config_stale_bool", "1 if the last good configuration is in force.")
    events = registry.counter("pylb_kubernetes_events_total", "Kubernetes Events, by what became of them.", "what")
    updates = registry.counter("metallb_k8s_client_updates_total", "Objects that came, changed or went.")
    errors = registry.counter("metallb_k8s_client_update_errors_total", "Objects that could not be read.")
    totals = Totals()

    def collect() -> None:
        totals.take(speaker.world.collections)
        updates.follow(totals.changes)
        errors.follow(totals.undecodable)
        for what, count in speaker.recorder.statistics().items():
            events.follow(count, what=what)
        loaded.set(configuration.loaded)
        stale.set(configuration.stale)

    registry.collectors.append(collect)

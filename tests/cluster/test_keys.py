"""The Secret that the speakers share is deleted and made again, as a second `pylb manifests | kubectl apply` does it.

The kubelets bring the new one when it suits them; a speaker that restarts meanwhile has it at once, and the others not.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from cluster import pylb_on, steady
from cluster.scenes import Scene
from cluster.steady import Steady
from fakes.cluster import until
from fakes.real import RealLan
from pylb.addon.names import NAMESPACE, SPEAKERS_SECRET
from pylb.addon.render import Settings, render, to_yaml

BROUGHT_S = 150.0  # until each kubelet has brought a changed Secret
TAKEN = "took the new key"
Say = Callable[[str], None]


def test_nobody_notices_new_keys_although_a_speaker_restarts(scene: Scene, lan: RealLan, say: Say) -> None:
    """The restarted one could answer for the address: it is a candidate, and hears nobody whose key it has not."""
    others = [node for node in lan.nodes if node != scene.spare]
    made = render(Settings(secrets.token_urlsafe(32), "unused"))
    [secret] = [one for one in made if (one["kind"], one["metadata"]["name"]) == ("Secret", SPEAKERS_SECRET)]
    with Steady(lan, scene.address) as watched:
        pylb_on.check(lan.lab, "-n", NAMESPACE, "delete", "secret", SPEAKERS_SECRET)
        pylb_on.apply(lan.lab, to_yaml([secret]))
        began = time.monotonic()
        before = lan.pod(f"speaker-{scene.spare}")
        pylb_on.check(lan.lab, "-n", NAMESPACE, "delete", "pod", before)
        until("another speaker runs", lambda: [one["metadata"]["name"] for one in lan.pods(f"speaker-{scene.spare}")])
        brought = {}
        for node in others:
            until(f"{node} has it", lambda node=node: TAKEN in lan.logs(f"speaker-{node}"), BROUGHT_S)
            brought[node] = time.monotonic() - began
        lan.settled()
        say(", ".join(f"{node} after {seconds:.0f} s" for node, seconds in brought.items()))
        assert TAKEN not in lan.logs(f"speaker-{scene.spare}"), "it started with the new one"
        assert not any(lan.state(f"speaker-{node}")["strangers"] for node in lan.nodes)
        watched.assert_unnoticed()
        assert steady.crashes(lan) == {}

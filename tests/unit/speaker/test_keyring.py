"""A key that replaces another: for how long the old one is believed, and whether all understand each other meanwhile."""

from __future__ import annotations

import hmac
import random

from pylb.speaker.beat import CLUSTER_BYTES
from pylb.speaker.keyring import KEPT, MAX_KEYS, SPREAD, Keyring, derive

OLD, NEW = b"the old secret", b"the new secret"


def test_a_secret_gives_the_same_key_on_every_node_and_never_shows_it() -> None:
    key = derive(OLD)
    assert key == derive(OLD)
    assert len(key.cluster) == CLUSTER_BYTES
    assert key.signing == hmac.digest(OLD, b"pylb beats 1", "sha256"), "as every version does"
    assert repr(key) == f"Key({key.cluster.hex()})"


def test_both_keys_are_used_for_a_while_and_the_new_one_first() -> None:
    ring = Keyring(OLD)
    assert not ring.take(OLD, 0.0)
    assert ring.valid(0.0) == (derive(OLD),)
    assert ring.take(NEW, 10.0)
    assert ring.valid(10.0) == ring.valid(10.0 + KEPT - 1) == (derive(NEW), derive(OLD))
    assert ring.valid(10.0 + KEPT) == (derive(NEW),)


def test_a_beat_is_checked_with_the_key_that_its_cluster_id_names() -> None:
    ring = Keyring(OLD)
    assert ring.find(derive(NEW).cluster, 0.0) is None
    ring.take(NEW, 0.0)
    assert [ring.find(derive(one).cluster, 1.0) for one in (OLD, NEW)] == [derive(OLD), derive(NEW)]
    assert ring.find(derive(OLD).cluster, KEPT) is None


def test_a_key_that_comes_back_is_the_current_one() -> None:
    ring = Keyring(OLD)
    ring.take(NEW, 0.0)
    ring.take(OLD, 1.0)
    assert ring.valid(2.0) == (derive(OLD), derive(NEW))
    assert ring.valid(1.0 + KEPT) == (derive(OLD),)


def test_secrets_that_change_all_the_time_fill_no_memory() -> None:
    ring = Keyring(OLD)
    for number in range(20):
        ring.take(b"secret %d" % number, float(number))
    found = ring.valid(20.0)
    assert found == tuple(derive(b"secret %d" % number) for number in (19, *range(20 - MAX_KEYS, 19)))


def test_two_that_run_always_share_a_key() -> None:
    """Each kubelet brings the new Secret at some time within SPREAD, and none sooner than another's old key is kept."""
    for seed in range(50):
        rng = random.Random(seed)  # noqa: S311 - the same each time
        rings = [Keyring(OLD) for _ in range(5)]
        comes = [rng.uniform(0, SPREAD) for _ in rings]
        for second in range(round(2 * KEPT)):
            for ring, at in zip(rings, comes, strict=True):
                if second >= at:
                    ring.take(NEW, float(second))
            keys = [set(ring.valid(float(second))) for ring in rings]
            assert all(one & other for one in keys for other in keys)
        assert {ring.valid(2 * KEPT + SPREAD) for ring in rings} == {(derive(NEW),)}

"""A list of claims is believed as it was sent, whatever the LAN does to its pages, and whoever contradicts himself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pylb.core.model import Address, NodeName
from pylb.core.ownership.beats import Beat, State
from pylb.core.ownership.claims import Claim
from pylb.speaker.claimlist import BURST, COPIES, Assembler, Listing
from pylb.speaker.claimpage import DIGEST_BYTES, page_at, place, write
from pylb.speaker.courier import Incoming, Outgoing
from pylb.speaker.datagram import decode, encode
from pylb.speaker.errors import WireError
from pylb.speaker.keyring import derive

KEY = derive(b"a secret of the cluster")
MAX_TURNS = 400  # until a list is known when nothing is lost any more

Claims = dict[Address, Claim]


def drawn_list(random: Random, before: Claims) -> Claims:
    """A list that follows another: often a small change, at times a great one."""
    pool: list[Address] = [
        *(IPv4Address(0x0A000000 + at) for at in range(300)),
        *(IPv6Address(0xFD << 120 | at) for at in range(100)),
    ]
    deed = random.randrange(6)
    if deed == 0:
        return {}
    chosen = random.sample(pool, random.randint(1, 300)) if deed == 1 else random.sample(pool, random.randint(1, 5))
    after = {} if deed == 1 else dict(before)
    for address in chosen:
        if deed > 1 and address in after and random.random() < 0.5:
            del after[address]
        else:
            after[address] = Claim(NodeName(random.choice(["n1", "n1", "n2"])), random.randrange(4))
    return after


class Receiver:
    """Hears the datagrams of one sender, and checks after each that it believes what it may."""

    def __init__(self, versions: list[Claims]) -> None:
        self._incoming, self._versions = Incoming(), versions
        self._settled, self._newest = 0, 0  # versions; the first is empty

    def hear(self, datagram: bytes, version: int) -> tuple[Beat, bool]:
        self._newest = max(self._newest, version)
        beat, whole = self._incoming.read(decode(datagram, KEY, {}))
        if whole:
            assert beat.claims == self._versions[self._newest]
            self._settled = self._newest
        since = self._versions[self._settled : self._newest + 1]
        for address, claim in beat.claims.items():
            assert claim in [one.get(address) for one in since]
        for address in set.intersection(*(set(one) for one in since)):
            assert address in beat.claims
        return beat, whole


def sender(versions: list[Claims], random: Random) -> Callable[[int], list[tuple[bytes, int]]]:
    outgoing, sequence = Outgoing(NodeName("n1")), 1

    def turn(version: int) -> list[tuple[bytes, int]]:
        nonlocal sequence
        beat = Beat(NodeName("n1"), 5, sequence, State.ACTIVE, "eth0", claims=versions[version])
        tellings = outgoing.tell(beat)
        assert 1 <= len(tellings) <= BURST
        sequence += len(tellings) + random.randrange(2)
        return [(encode(telling, KEY), version) for telling in tellings]

    return turn


def disturbed(datagrams: list[tuple[bytes, int]], random: Random) -> list[tuple[bytes, int]]:
    """Lost, repeated, and overtaken by others that were sent up to a few turns later."""
    loss, spread = random.choice([0.0, 0.2, 0.6]), random.choice([0.0, 3.0, 30.0])
    kept = [(at + random.random() * spread, one) for at, one in enumerate(datagrams) if random.random() >= loss]
    again = [(at + random.random() * spread, one) for at, one in enumerate(datagrams) if random.random() < 0.1]
    return [one for _, one in sorted(kept + again, key=lambda pair: pair[0])]


@given(st.randoms(use_true_random=False))
def test_a_list_is_believed_as_it_was_sent_whatever_the_lan_does(random: Random) -> None:
    versions: list[Claims] = [{}]
    sent: list[tuple[bytes, int]] = []
    turn = sender(versions, random)
    for _ in range(random.randint(1, 8)):
        again = len(versions) > 2 and random.random() < 0.2
        versions.append(dict(versions[-2]) if again else drawn_list(random, versions[-1]))
        for _ in range(random.randint(1, COPIES + 2)):
            sent += turn(len(versions) - 1)
    receiver = Receiver(versions)
    for datagram, version in disturbed(sent, random):
        receiver.hear(datagram, version)

    beat, whole = None, False
    for _ in range(MAX_TURNS):
        for datagram, version in turn(len(versions) - 1):
            beat, whole = receiver.hear(datagram, version)
        if whole:
            break
    assert whole
    assert beat is not None
    for _ in range(3):
        for datagram, version in turn(len(versions) - 1):
            following, whole = receiver.hear(datagram, version)
            assert whole
            assert following.claims is beat.claims


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20), st.binary(max_size=1)), max_size=30))
def test_an_assembler_survives_a_sender_that_contradicts_itself(heard: list[tuple[int, int, bytes]]) -> None:
    assembler = Assembler()
    for bits, sequence, content in heard:
        page = write({IPv4Address("10.0.0.1"): Claim(NodeName("n1"), content[0])}, NodeName("n1")) if content else b""
        index = page_at(place(IPv4Address("10.0.0.1")), bits)
        listing = Listing(bytes(DIGEST_BYTES - 1) + bytes([sequence % 3]), bits, ((index, page), (0, b"")))
        with suppress(WireError):
            assembler.hear(NodeName("n1"), 1, "eth0", sequence, listing)

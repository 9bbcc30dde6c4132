"""Kubernetes objects that only the screens read, as far as they read them. No secrets: a BGPPeer's password stays out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoolUse:
    """An IPAddressPool's status: how many addresses are given and free, by family."""

    pool: str
    assigned_v4: int = 0
    assigned_v6: int = 0
    available_v4: int = 0
    available_v6: int = 0


@dataclass(frozen=True, slots=True)
class BgpStatus:
    """A ServiceBGPStatus: to which peers a node is configured to announce a Service. No proof of a session."""

    service: str
    node: str
    peers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BgpPeer:
    """A BGPPeer, without its password."""

    name: str
    address: str
    asn: int = 0  # the peer's
    own_asn: int = 0


@dataclass(frozen=True, slots=True)
class BgpAdvert:
    """A BGPAdvertisement: the pools that it names; without any and without `selects`, all."""

    name: str
    pools: tuple[str, ...] = ()
    selects: bool = False  # it picks pools by their labels

    def covers(self, pool: str) -> bool:
        """Whether it speaks of the pool, as far as names tell; one that selects by labels is taken to."""
        return self.selects or not self.pools or pool in self.pools


@dataclass(frozen=True, slots=True)
class ConfigVerdict:
    """A ConfigurationState: what a component makes of the configuration."""

    component: str  # controller or speaker
    node: str = ""  # of a speaker
    valid: bool | None = None  # None: it has not judged yet
    text: str = ""  # what is wrong

"""What a node asks on the wire about another, and what it is answered. Values; the speaker's probes carry them out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pylb.core.model import Address, NodeName
from pylb.core.ownership.evidence import Port


class Subject(str, Enum):
    """What is asked for."""

    ADDRESS = "address"  # ARP or ND for an address that is claimed
    NODE = "node"  # the same for a node's own address: its kernel answers
    PORT = "port"  # a TCP connection to the kubelet's port
    WITNESS = "witness"  # ARP or ND for the gateway
    PROBE = "probe"  # ARP for an address by broadcast: does anybody answer?


@dataclass(frozen=True, slots=True)
class Question:
    """One question, put on one link; by unicast to `mac` where there is one."""

    subject: Subject
    link: str
    address: Address
    node: NodeName | None = None
    mac: bytes = b""
    number: int = 0  # of the port


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the MAC that answered, or what the port did."""

    question: Question
    mac: bytes = b""
    port: Port | None = None

"""What a doctor knows of an installation, and what he says: facts and rows, as values.

How the facts are learned is the caller's matter, what they mean is decided in `core.explanation.checks`. What could not be learned
is said too: it stands in `Facts.unseen`, and a check that lacks its facts never says that all is well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pylb.core.config.loader import Loaded
from pylb.core.explanation.findings import Row as Finding
from pylb.core.model import Node
from pylb.core.ranges import Network
from pylb.core.words import Word


class Level(Word):
    """How it is. A warning may be meant so; a failure keeps pylb, or a part of it, from working."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(Word):
    """What is looked at, in the order in which it is told."""

    PODS = "pods"
    IMAGE = "image"
    RIGHTS = "rights"
    POOLS = "pools"
    ADVERTISEMENTS = "advertisements"
    NODES = "nodes"
    SPEAKERS = "speakers"
    RIVALS = "rivals"
    PROXY = "kube-proxy"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the diagnosis; `fix` are lines to type, or to do, in that order."""

    check: Check
    level: Level
    text: str
    fix: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Daemon:
    """A pod of ours. `trouble` is why it does not run, in Kubernetes' words, as far as they are told."""

    component: str  # controller or speaker
    name: str
    node: str  # "" while it has none
    ready: bool
    running: bool = True  # its container runs
    ending: bool = False  # it was told to end
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What one speaker told of itself; `obstacle` is why nothing."""

    alive: frozenset[str] = frozenset()  # nodes whose speakers it hears
    interfaces: frozenset[str] = frozenset()  # that it announces on
    obstacle: str = ""
    token_refused: bool = False
    strangers: Mapping[str, float] = field(default_factory=dict)  # nodes that share no key with it, and for how many s


@dataclass(frozen=True, slots=True)
class Lack:
    """A right that an account has not."""

    account: str
    verb: str
    resource: str
    namespace: str = ""  # "" for all

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f" in {self.namespace}" if self.namespace else "")


@dataclass(frozen=True, slots=True)
class Commands:
    """What is typed in this cluster."""

    kubectl: str = "kubectl"
    install: str = "pylb install"
    pool: str = "pylb install --range A-B"
    manifests: str = "pylb manifests --without-keys"
    bring_image: str = ""  # gives one node the image, or all of them
    one_by_one: bool = True  # it is typed on each node


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known. What stands in `unseen` was not allowed to be read, or was not answered: check -> why."""

    nodes: tuple[Node, ...] = ()
    roomy: frozenset[str] = frozenset()  # nodes that a controller may run on: no taint is in its way
    controllers: int | None = None  # how many there should be; None where there is no Deployment
    speakers: int | None = None  # how many nodes the DaemonSet is to run on; None where there is none
    daemons: tuple[Daemon, ...] = ()
    image: str = ""
    images: Mapping[str, bool | None] = field(default_factory=dict)  # node -> whether it has it; None is unknown
    lacks: tuple[Lack, ...] = ()
    kinds: bool = True  # the API server knows pools and advertisements
    loaded: Loaded = field(default_factory=lambda: Loaded(None))
    used: Mapping[str, int] = field(default_factory=dict)  # pool -> addresses that Services have
    reserved: Mapping[str, int] = field(default_factory=dict)  # pool -> those of them that are reserved
    waiting: Mapping[str, Finding] = field(default_factory=dict)  # Service without an address -> what keeps it
    reports: Mapping[str, Report] = field(default_factory=dict)  # node -> what its speaker said
    rivals: tuple[Row, ...] = ()
    contests: Mapping[str, str] = field(default_factory=dict)  # Service -> who else writes its status
    contests_unseen: str = ""  # why no controller told them, if so
    taken_over: bool = False  # MetalLB's place was taken, and the backup is there
    proxy: tuple[Row, ...] = ()
    subnets: tuple[Network, ...] = ()  # of the nodes
    commands: Commands = field(default_factory=Commands)
    unseen: Mapping[Check, str] = field(default_factory=dict)


def worst(rows: Iterable[Row]) -> Level:
    """The gravest level among rows."""
    return max((row.level for row in rows), key=list(Level).index, default=Level.OK)


def again(facts: Facts) -> str:
    """Brings an installation's own objects back, and leaves its keys and pools as they are."""
    return f"{facts.commands.manifests} | {facts.commands.kubectl} apply -f -"

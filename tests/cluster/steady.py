"""What a fault of the cluster must not disturb: who answers for an address and how requests fare; the daemons' own lives,
how often they ask, and how much they compute; and that a test leaves the cluster as it found it."""

from __future__ import annotations

import contextlib
import json
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from cluster import pylb_on
from fakes import takeovers
from fakes.clocks import Probe, Talk
from fakes.cluster import JSON, OURS, is_ready, until
from fakes.real import COMPONENT, RealLan
from pylb.addon.names import NAMESPACE

POD_NAME = "authentication.kubernetes.io/pod-name"
WINDOW_S, IN_WINDOW = 10.0, 20  # at most so many requests of a kind (kube.backoff)
SHARE = 0.2  # of a core: a loop without a pause takes a whole one
PATIENT_MS = 900  # for a request: a busy machine may stand still, but a packet that is lost is sent again after 1 s
SHOWN = 10  # failures
SILENT_S = 0.5  # in which nobody answers ARP: 25 questions; this machine may stand still for some of that
THAW_S = 0.5  # until a process that stood still has noticed
AT_REST_S = 60.0  # until all is as it was
PORT = 80  # of the Services
NODES = "/api/v1/nodes"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{OURS.rpartition('/')[2]}/deployments/pylb-controller"

Kind = tuple[str, str, str]  # the pod that asks, the verb, and what it asks for


class Steady:
    """What was seen of an address and of pylb while the block lasted; `unnoticed` says that nothing happened to either."""

    def __init__(self, lan: RealLan, address: str, *, pods_stay: bool = True) -> None:
        """`pods_stay`: those that serve live on, and with them the connections to them."""
        self._lan, self._address, self._pods_stay = lan, address, pods_stay
        self._programs = contextlib.ExitStack()

    def __enter__(self) -> Steady:
        lan, address = self._lan, self._address
        self.owner = lan.owner(address)
        self._lives, self._cpu = lives(lan), cpu(lan)
        with contextlib.ExitStack() as programs:
            self.probe = programs.enter_context(Probe(lan.lab, f"http://{address}/", limit_ms=PATIENT_MS))
            self.asker = programs.enter_context(lan.asker(address))
            self.talk = programs.enter_context(Talk(lan.lab, address, PORT))
            self._programs = programs.pop_all()
        self.began = time.time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._programs.__exit__(kind, error, trace)

    def failures(self) -> list[tuple[float, str]]:
        """When, in seconds after the start, which requests failed, and how; those under way are over first."""
        self.probe.stop()
        return takeovers.failures(self.probe, self.began)

    def silence(self) -> float:
        """The longest time, in seconds, in which nobody answered for the address."""
        return self.asker.silence()

    def assert_unnoticed(self) -> None:
        """No request failed, a connection that stood still stands, and one MAC alone answered for the address, all the
        time: its owner's, whoever said so."""
        failed = self.failures()
        assert not failed, f"requests failed, seconds after the start: {failed[:SHOWN]}"
        self.asker.stop()
        macs = {mac for _, mac in self.asker.answers()}
        assert macs == {self._lan.mac(self.owner)}, f"who answered ARP: {macs}"
        assert self.silence() < SILENT_S, f"nobody answered ARP for {self.silence():.2f} s"
        owners = self._lan.owners(self._address)
        assert owners == [self.owner], f"who answers ARP: {owners}"
        assert self.talk.lasts() or not self._pods_stay, "a connection that stood broke"

    def assert_alive(self) -> None:
        """No daemon ended or told of an error in itself, and none was busy for nothing."""
        now, told = lives(self._lan), crashes(self._lan)
        assert now == self._lives, f"pods and restarts: {self._lives}, then {now}"
        assert not told, told
        spent = {who: seconds - self._cpu[who] for who, seconds in cpu(self._lan).items()}
        share = {who: round(seconds / (time.time() - self.began), 3) for who, seconds in spent.items()}
        assert max(share.values()) < SHARE, share

    def assert_calm(self) -> None:
        """No daemon asked for anything too often."""
        busy = {kind: most for kind, most in self.busiest().items() if most > IN_WINDOW}
        assert not busy, busy

    def busiest(self) -> dict[Kind, int]:
        """How many requests of each kind were made in the busiest window."""
        return busiest(asked(self._lan, self.began))


def asked(lan: RealLan, since: float) -> list[JSON]:
    """What pylb's accounts asked of the API server since then, as its audit log has it; that is written each second."""
    lines = Path(lan.lab.status()["audit"]).read_text().splitlines(keepends=True)
    events = [json.loads(line) for line in lines if line.endswith("\n")]
    found = {one["auditID"]: one for one in events if at(one) >= since}  # a watch is there twice: at its start and end
    return list(found.values())


def at(event: JSON) -> float:
    """When a request came (Unix time)."""
    return unix(event["requestReceivedTimestamp"])


def unix(stamp: str) -> float:
    """Unix seconds of an RFC 3339 time."""
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def code(event: JSON) -> int:
    """How it was answered."""
    return int(event.get("responseStatus", {}).get("code", 0))


def pod_of(event: JSON) -> str:
    """Who asked."""
    names = event["user"].get("extra", {}).get(POD_NAME) or [event["user"]["username"].rpartition(":")[2]]
    return str(names[0])


def what(event: JSON) -> str:
    """What was asked for: a collection and, of a write, not which object of it."""
    ref = event.get("objectRef") or {"resource": event["requestURI"]}
    return "/".join(filter(None, (ref.get("namespace"), ref["resource"], ref.get("subresource"))))


def busiest(events: Iterable[JSON]) -> dict[Kind, int]:
    """The most requests of each kind in any window; reading a collection is one kind, by whatever verb."""
    times: dict[Kind, list[float]] = defaultdict(list)
    for event in events:
        verb = "read" if event["verb"] in ("get", "list", "watch") else event["verb"]
        times[pod_of(event), verb, what(event)].append(at(event))
    return {kind: _most(sorted(found)) for kind, found in times.items()}


def _most(times: list[float]) -> int:
    window: deque[float] = deque()
    most = 0
    for one in times:
        window.append(one)
        while window[0] <= one - WINDOW_S:
            window.popleft()
        most = max(most, len(window))
    return most


def daemons(lan: RealLan) -> list[JSON]:
    """pylb's pods that are not about to end."""
    found = lan.get(f"{OURS}/pods?labelSelector=app.kubernetes.io/name%3Dpylb")["items"]
    return [item for item in found if "deletionTimestamp" not in item["metadata"]]


def lives(lan: RealLan) -> dict[str, int]:
    """How often each of pylb's pods was started again."""
    return {
        item["metadata"]["name"]: sum(one["restartCount"] for one in item["status"].get("containerStatuses") or ())
        for item in daemons(lan)
    }


def cpu(lan: RealLan) -> dict[str, float]:
    """Seconds of CPU that each daemon has used."""
    who = ["controller", *(f"speaker-{node}" for node in lan.nodes)]
    return {one: lan.metrics(one)["process_cpu_seconds_total"] for one in who}


def crashes(lan: RealLan) -> dict[str, str]:
    """The ends of the logs of daemons that tell of an exception."""
    names = [item["metadata"]["name"] for item in daemons(lan)]
    logs = {name: lan.text(f"{OURS}/pods/{name}/log").decode() for name in names}
    return {name: text[-3000:] for name, text in logs.items() if "Traceback" in text}


def at_rest(lan: RealLan) -> None:
    """Wait until all is as every test finds it: programs run, nodes and pylb's pods are ready, speakers hear all."""

    def troubles() -> list[str]:
        states: dict[str, dict[str, str]] = lan.lab.status()["programs"]
        found = [f"{name} {where} {state}" for where, own in states.items() for name, state in own.items()]
        found = [one for one in found if not one.endswith(" running")]
        for item in (*lan.get(NODES)["items"], *daemons(lan)):
            if not is_ready(item) or item["spec"].get("unschedulable"):
                found.append(f"{item['metadata']['name']} is not ready")
        wanted = len(lan.nodes) + lan.get(DEPLOYMENT)["spec"]["replicas"]
        count = len(lan.get(f"{OURS}/pods")["items"])
        return found if count == wanted else [*found, f"{count} pods"]

    until_none(troubles, AT_REST_S)
    if spread(lan):
        until_none(troubles, AT_REST_S)
    lan.settled()


def spread(lan: RealLan) -> bool:
    """Have the two controllers on two nodes; whether they were on one: the scheduler only prefers two, where it can."""

    def places() -> list[str]:
        return [str(pod["spec"].get("nodeName")) for pod in lan.pods("controller")]

    if len(places()) < 2 or len(set(places())) > 1:
        return False
    leader = lan.pod("controller")
    for pod in lan.pods("controller"):
        if pod["metadata"]["name"] != leader:
            pylb_on.check(lan.lab, "-n", NAMESPACE, "delete", "pod", pod["metadata"]["name"])
    until("the controllers are apart", lambda: len(set(places())) == len(places()) > 1, AT_REST_S)
    return True


def until_none(look: Any, seconds: float) -> None:
    """Wait until `look` finds nothing."""
    last: list[Any] = []

    def nothing() -> bool:
        last[:] = [look()]
        return not last[0]

    try:
        until("all is at rest", nothing, seconds)
    except AssertionError:
        raise AssertionError(f"not at rest after {seconds:.0f} s: {last[0]}") from None


@contextlib.contextmanager
def standing_still(lan: RealLan, node: str, words: str) -> Iterator[None]:
    """As long as the block lasts, a daemon of pylb on a node stands still; `words` are of its command line."""
    process = send(lan, node, words, "STOP")
    try:
        yield
    finally:
        lan.lab.inside(node, ["kill", "-CONT", process])


def send(lan: RealLan, node: str, words: str, signal: str) -> str:
    """A signal for a daemon of pylb on a node; `words` are of its command line. Its process, as the node knows it."""
    [process] = running(lan, node, words)
    done = lan.lab.inside(node, ["kill", f"-{signal}", process])
    assert done.returncode == 0, done.stderr
    return process


def running(lan: RealLan, node: str, words: str) -> list[str]:
    """The processes on a node whose command line has these words."""
    return lan.lab.inside(node, ["pgrep", "--full", words]).stdout.split()


def component(item: JSON) -> str:
    """`controller` or `speaker`."""
    return str(item["metadata"]["labels"][COMPONENT])

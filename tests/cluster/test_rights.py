"""The daemons' rights suffice and are all needed, by what their accounts asked of the API server as it recorded it.

A scenario makes them use each right that they do not use when they start. Then: whatever they asked was granted, by a
rule of ours; and there is no right that none of them ever used.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.audit import FORBIDDEN, Grant, Use, grants, uses
from fakes.cluster import until
from fakes.observing import METALLB, PIN, POOL, Stage
from fakes.real import RealLan
from pylb.addon.access import CLUSTER_RULES, NAMESPACE_RULES
from pylb.addon.names import CONTROLLER, NAMESPACE, SPEAKER

ACCOUNTS = (CONTROLLER, SPEAKER)
WRITTEN_S = 20.0  # until what was asked is in the log, and what is told late has been asked
MEMORY = f"/api/v1/namespaces/{NAMESPACE}/configmaps/pylb-memory"
STATES, OWN_STATUSES = (
    f"/apis/metallb.io/v1beta1/namespaces/{NAMESPACE}/{kind}" for kind in ("configurationstates", "servicel2statuses")
)


@pytest.fixture(scope="module")
def stage(cluster: object) -> Iterator[Stage]:
    """The cluster, on which everything that the daemons do has happened; put back as it was.

    The controller renews its Lease all the time, so there is always something later in the log.
    """
    with RealLan(cluster) as lan:
        stage = Stage(lan)
        stage.reset()
        stage.began = now()
        play(stage)
        ended = now()
        until("all of it is in the log", lambda: any(use.at > ended for use in log(stage)), WRITTEN_S)
        yield stage
        stage.end()


def now() -> str:
    """As the API server writes it, but for the part of the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def play(stage: Stage) -> None:
    """An address comes, changes and comes back, and moves; configurations are refused and taken again."""
    stage.standard()
    stage.service("web", annotations={PIN: "10.77.0.100"})
    stage.announced("web")
    tidy_up(stage, STATES, OWN_STATUSES)
    until("its labels are back", lambda: stage.lan.get(OWN_STATUSES)["items"][0]["metadata"].get("labels"))
    for address in ("10.77.0.109", "10.77.0.100"):  # the second time is told by counting on an Event
        stage.annotate("web", {PIN: address})
        until(f"{address} is given", lambda address=address: stage.addresses("web") == [address])
    owner = stage.lan.owner("10.77.0.100")
    stage.exclude(owner, True)
    stage.lan.owner("10.77.0.100", beside=owner)
    stage.exclude(owner, False)
    stage.pool("q", "10.77.0.105-10.77.0.120")
    until("it is refused", lambda: stage.lan.state("controller")["config"]["stale"])
    stage.delete(f"{METALLB}/ipaddresspools/q")
    until("it is good again", lambda: not stage.lan.state("controller")["config"]["stale"])
    stage.drop("web")
    remember(stage)


def remember(stage: Stage) -> None:
    """A Service goes, comes back and goes again; that is written each time."""
    stage.pool("m", "10.77.0.130/32", remember=True)
    written = ""
    for _ in range(2):
        stage.service("kept", annotations={POOL: "m"}, on=())
        until("it has an address", lambda: stage.addresses("kept"))
        stage.drop("kept")
        before = written
        written = until("it is remembered", lambda before=before: news(stage, before), WRITTEN_S)


def news(stage: Stage, before: str) -> str:
    """What is remembered of the Service, if it is other than before."""
    text = ((stage.lan.get(MEMORY) or {}).get("data") or {}).get("addresses", "")
    [found] = [line for line in text.splitlines() if line.startswith(f"{stage.namespace}/kept ")] or [before]
    return str(found) if found != before else ""


def tidy_up(stage: Stage, *places: str) -> None:
    """Somebody takes the labels away from all that the daemons wrote; they mend it when they write next."""
    for place in places:
        for item in stage.lan.get(place)["items"]:
            stage.lan.patch(f"{place}/{item['metadata']['name']}", {"metadata": {"labels": None}})


def log(stage: Stage) -> list[Use]:
    """All requests so far."""
    with Path(stage.lan.lab.status()["audit"]).open() as lines:
        return list(uses(lines))


def rare(grant: Grant) -> bool:
    """What no scenario can be sure to need: the controller looks at a Service again after a conflict."""
    return (grant.account, grant.resource, grant.verb) == ("pylb-controller", "services", "get")


def granted(account: str) -> list[Grant]:
    inside = {namespace: rules for (namespace, name), rules in NAMESPACE_RULES.items() if name == account}
    return list(grants(account, CLUSTER_RULES[account], inside))


@pytest.mark.parametrize("account", ACCOUNTS)
def test_every_right_is_used(stage: Stage, account: str) -> None:
    def unused() -> list[Grant]:
        made = log(stage)
        return [one for one in granted(account) if not rare(one) and not any(one.covers(use) for use in made)]

    end = time.monotonic() + WRITTEN_S
    while (left := unused()) and time.monotonic() < end:
        time.sleep(0.5)
    assert not left, "granted and never used:\n" + "\n".join(map(str, left))


@pytest.mark.parametrize("account", ACCOUNTS)
def test_whatever_is_asked_is_granted(stage: Stage, account: str) -> None:
    """Since the scenario began: a test may have taken rights away before."""
    rights = granted(account)
    made = [use for use in log(stage) if use.account == account and use.at >= stage.began]
    assert made
    beyond = {use for use in made if use.code == FORBIDDEN or not any(grant.covers(use) for grant in rights)}
    assert not beyond


@pytest.mark.parametrize("who", ["controller", "speaker-n1", "speaker-n2", "speaker-n3"])
def test_no_daemon_complains(stage: Stage, who: str) -> None:
    assert "forbidden" not in stage.lan.logs(who, since=stage.began).lower()
    assert "forbidden" not in stage.lan.read(who, "state").decode().lower()

"""Looks at the cluster and at the LAN, and answers two questions: which range to propose, and what is wrong with one.

Everybody on the LAN is asked about a block of addresses once, when it matters, and within a bounded time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pylb.addon import oldconfig
from pylb.addon.cluster import Cluster
from pylb.addon.detection import Finding, detect
from pylb.addon.inventory import Inventory, take
from pylb.addon.judgement import Confirm, Refuse, Verdict, judge, weigh
from pylb.addon.lan import Lan
from pylb.addon.names import METALLB_NAMESPACE
from pylb.addon.proposal import Proposal, propose
from pylb.addon.survey import Survey, blocks, survey, window
from pylb.addon.words import read
from pylb.core.crds.resources import GROUP
from pylb.core.errors import ParseError
from pylb.core.ranges import Range

MAX_SWEEPS = 4  # of 256 addresses each, for one question
_EVERYWHERE = ("nodes", "services", "deployments.apps", "daemonsets.apps")
_KUBE_SYSTEM = ("pods", "configmaps")
_CUSTOM = (  # asked for where they are defined
    f"ipaddresspools.{GROUP}",
    "ippools.crd.projectcalico.org",
    "ciliumloadbalancerippools.cilium.io",
    "ciliuml2announcementpolicies.cilium.io",
)
_ARGUMENT_FILES = ("kube-apiserver", "kube-proxy", "kubelite", "kube-controller-manager")  # of MicroK8s
MAX_FILE = 65536  # characters of one of them


@dataclass
class Scout:
    """What is known of one cluster and its LAN, growing as questions are put."""

    inventory: Inventory
    findings: list[Finding]
    lan: Lan
    survey: Survey
    _asked: list[Range] = field(default_factory=list)

    def propose(self) -> Proposal | None:
        """A quiet range, after everybody in its block was asked; None where nothing can be proposed."""
        proposal = propose(self.survey.facts)
        for _ in range(MAX_SWEEPS):
            if proposal is None or self._ask(window(proposal.span, proposal.subnet)) == 0:
                return proposal
            proposal = propose(self.survey.facts)
        return proposal

    def judge(self, words: Sequence[str]) -> Verdict:
        """The verdict on a range as it was typed, after everybody was asked whether it is in use."""
        try:
            spans = read(words)
        except ParseError:
            self.propose()  # what is recommended instead is to be quiet, too
            return judge(words, self.survey.facts)
        for span in spans[:MAX_SWEEPS]:
            self._ask_about(span)
        verdict = weigh(spans, self.survey.facts)
        if isinstance(verdict, (Confirm, Refuse)) and verdict.instead and self._ask_about(verdict.instead):
            return weigh(spans, self.survey.facts)
        return verdict

    def _ask_about(self, span: Range) -> int:
        """Ask about a range as far as it is on the LAN; how many blocks were asked about for the first time."""
        subnets = self.survey.facts.subnets
        return sum(self._ask(block) for subnet in subnets for block in blocks(span, subnet))

    def _ask(self, block: Range) -> int:
        """Ask about a block unless that was done; 1 if somebody was asked now."""
        if any(block.first in done and block.last in done for done in self._asked):
            return 0
        self._asked.append(block)
        sweep = self.lan.ask(block)
        self.survey = self.survey.asked(block, sweep.answers, sweep.obstacle)
        return 0 if sweep.obstacle else 1


def scout(cluster: Cluster, lan: Lan, environment: Mapping[str, str]) -> Scout:
    """Look at a cluster and at this machine. Raises ClusterFault."""
    objects = cluster.listed(_EVERYWHERE) + cluster.listed(_KUBE_SYSTEM, "kube-system")
    objects += oldconfig.pools(cluster.find([f"configmaps/{oldconfig.NAME}"], METALLB_NAMESPACE))
    known = cluster.definitions()
    custom = [kind for kind in _CUSTOM if kind in known]
    if custom:
        objects += cluster.listed(custom)
    settings = _settings(environment)
    inventory = take(objects, settings)
    findings = detect(objects, inventory, settings, cluster.shown)
    return Scout(inventory, findings, lan, survey(inventory, lan.look()))


def _settings(environment: Mapping[str, str]) -> list[str]:
    """The files of flags of MicroK8s' own services, where this machine has them."""
    folder = environment.get("SNAP_DATA", "")
    texts = []
    for name in _ARGUMENT_FILES if folder else ():
        try:
            texts.append((Path(folder) / "args" / name).read_text(encoding="utf-8", errors="replace")[:MAX_FILE])
        except OSError:
            continue
    return texts

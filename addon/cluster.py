"""What an installation asks of a cluster, however it gets there; and how it fails."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from pylb.addon.names import JSON


class ClusterFault(Exception):
    """The cluster, or the way to it, said no; the message says what was asked and what was answered."""


class Unreachable(ClusterFault):
    """There is no answer from the cluster."""


class Cluster(Protocol):
    """A cluster. Kinds are named by plural and group: `services`, `daemonsets.apps`. All raise ClusterFault."""

    @property
    def shown(self) -> str:
        """How a person types kubectl there."""

    def reach(self) -> None:
        """Ask the API server for its version; raises Unreachable where it does not answer."""

    def definitions(self) -> frozenset[str]:
        """The names of the definitions of custom resources."""

    def listed(self, kinds: Sequence[str], namespace: str | None = None) -> list[JSON]:
        """The objects of some kinds, in one namespace or in all."""

    def find(self, names: Sequence[str], namespace: str | None = None) -> list[JSON]:
        """The objects that are called `KIND/NAME`, as far as they are there."""

    def apply(self, objects: Iterable[JSON]) -> None:
        """Make or change objects."""

    def create(self, objects: Iterable[JSON]) -> None:
        """Make objects that are not there; unlike `apply` it leaves no copy of their content in an annotation."""

    def patch(self, name: str, change: JSON, namespace: str | None = None) -> None:
        """Change the object that is called `KIND/NAME` by a merge patch (RFC 7396)."""

    def delete(self, objects: Iterable[JSON]) -> None:
        """Delete objects, and wait until they are gone; those that are not there are no error."""

    def clear(self, kinds: Sequence[str], namespace: str) -> None:
        """Delete all objects of some kinds in a namespace."""

    def establish(self, names: Sequence[str], limit_s: int) -> None:
        """Wait until definitions of custom resources are served."""

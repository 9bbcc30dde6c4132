"""MetalLB's objects as the screens read them: one function a kind, which raises `DecodeError` alone, whatever it gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from itertools import islice
from typing import Any, TypeVar

from pylb.core import history
from pylb.core.history import Entry
from pylb.kube.decode import DecodeError
from pylb.tui.objects import BgpAdvert, BgpPeer, BgpStatus, ConfigVerdict, PoolUse

JSON = Any
T = TypeVar("T")
NODE, SERVICE, NAMESPACE = "metallb.io/node", "metallb.io/service-name", "metallb.io/service-namespace"
COMPONENT, COMPONENT_NODE = "metallb.io/component-type", "metallb.io/node-name"
MAX_NAMES = 100  # peers of a status, pools of an advertisement
MAX_TEXT = 2_000  # characters of what is wrong with a configuration
MAX_NUMBER = 2**63


def _guarded(decode: Callable[[JSON], T]) -> Callable[[JSON], T]:
    @wraps(decode)
    def guarded(raw: JSON) -> T:
        try:
            return decode(raw)
        except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            raise DecodeError(f"{decode.__name__}: {type(error).__name__}: {error}") from error

    return guarded


@_guarded
def pool_use(raw: JSON) -> PoolUse | None:
    """An IPAddressPool's status; None while nobody wrote one."""
    status = raw.get("status")
    if not status:
        return None
    counts = [_whole(status.get(f"{state}IPv{family}")) for state in ("assigned", "available") for family in (4, 6)]
    return PoolUse(_name(raw), *counts)


@_guarded
def bgp_status(raw: JSON) -> BgpStatus | None:
    """A ServiceBGPStatus, known by its labels, else by its status; None without either."""
    labels, status = _mapping(raw["metadata"].get("labels")), _mapping(raw.get("status"))
    node = _text(labels.get(NODE)) or _text(status.get("node"))
    name = _text(labels.get(SERVICE)) or _text(status.get("serviceName"))
    namespace = _text(labels.get(NAMESPACE)) or _text(status.get("serviceNamespace"))
    if not (node and name and namespace):
        return None
    return BgpStatus(f"{namespace}/{name}", node, _texts(status.get("peers")))


@_guarded
def bgp_peer(raw: JSON) -> BgpPeer:
    """A BGPPeer of either version."""
    spec = _mapping(raw.get("spec"))
    return BgpPeer(_name(raw), _text(spec.get("peerAddress")), _whole(spec.get("peerASN")), _whole(spec.get("myASN")))


@_guarded
def bgp_advert(raw: JSON) -> BgpAdvert:
    """A BGPAdvertisement."""
    spec = _mapping(raw.get("spec"))
    return BgpAdvert(_name(raw), _texts(spec.get("ipAddressPools")), bool(spec.get("ipAddressPoolSelectors")))


@_guarded
def config_verdict(raw: JSON) -> ConfigVerdict:
    """A ConfigurationState."""
    labels, status = _mapping(raw["metadata"].get("labels")), _mapping(raw.get("status"))
    result = status.get("result")
    return ConfigVerdict(
        component=_text(labels.get(COMPONENT)) or _name(raw),
        node=_text(labels.get(COMPONENT_NODE)),
        valid={"Valid": True, "Invalid": False}.get(result) if isinstance(result, str) else None,
        text=_text(status.get("errorSummary")),
    )


@_guarded
def moves(raw: JSON) -> tuple[Entry, ...] | None:
    """The moves of the ConfigMap `pylb-history`; None for another one."""
    if raw["metadata"]["name"] != history.NAME:
        return None
    return history.parse(_mapping(raw.get("data")).get(history.KEY))


def _name(raw: JSON) -> str:
    name = raw["metadata"]["name"]
    if not isinstance(name, str) or not name:
        raise TypeError(f"the name is {name!r}")
    return name


def _mapping(raw: object) -> Mapping[str, Any]:
    return raw if isinstance(raw, Mapping) else {}


def _text(raw: object) -> str:
    return raw[:MAX_TEXT] if isinstance(raw, str) else ""


def _texts(raw: object) -> tuple[str, ...]:
    return tuple(one for one in islice(raw, MAX_NAMES) if isinstance(one, str)) if isinstance(raw, list) else ()


def _whole(raw: object) -> int:
    return raw if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw < MAX_NUMBER else 0

"""What would give a waiting Service an address: changes to it that the allocator itself says would help. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pylb.core.allocation import requests
from pylb.core.allocation.allocator import Decision, decide
from pylb.core.allocation.ledger import Ledger
from pylb.core.allocation.requests import ADDRESS_POOL, ALLOW_SHARED_IP, LOAD_BALANCER_IPS, OLD_PREFIX, PREFIX
from pylb.core.config.loader import Config
from pylb.core.explanation.findings import Fix
from pylb.core.explanation.scene import Scene
from pylb.core.model import Service, ServiceKey
from pylb.core.reasons import Reason

OFFERED = 3  # changes that are named
MAX_POOLS = 5  # pools of which it is tried whether naming one helps
SHARING = "shared"  # the key that is proposed where nobody has one
IN_THE_WAY = frozenset({Reason.ADDRESS_IN_USE, Reason.SHARING_KEY_DIFFERS})


@dataclass(frozen=True, slots=True)
class _Change:
    """A Service as it would be, and what makes it so."""

    service: Service
    text: str
    command: str
    others: tuple[Service, ...] = ()  # that change with it


def offers(scene: Scene, service: Service, decision: Decision, others: Sequence[Service] = ()) -> tuple[Fix, ...]:
    """The first few changes that the allocator says would help; `others` are the Services in the way."""
    config = scene.config
    if config is None:
        return ()
    found: list[Fix] = []
    for change in _changes(scene, config, service, decision, others):
        given = _given(scene, config, change)
        if given and len(found) < OFFERED:
            found.append(Fix(f"{change.text}: {given}", change.command))
    return tuple(found)


def _given(scene: Scene, config: Config, change: _Change) -> str:
    """What the Service would be given if it, and the others, were so. Who leaves the choice to pylb may be given another
    address of a pool: it is not known here who may come back for one."""
    ledger = scene.ledger
    if change.others:
        ledger = _copied(scene.ledger, change.others)
    decided = decide(config, ledger, change.service, scene.load_balancer_class, scene.taken)
    given = decided.allocation
    if given is None or decided.reason is not None:
        return ""
    sure = requests.pin_source(change.service) or not config.pools[given.pool].remembered
    return f"it {'gets' if sure else 'may get'} {', '.join(map(str, given.addresses))} of {given.pool}"


def _copied(ledger: Ledger, others: Iterable[Service]) -> Ledger:
    """The ledger of the addresses of these Services, with their uses as they would be."""
    changed = {one.key: requests.use(one) for one in others}
    copy = Ledger()
    for key in changed:
        for address in ledger.allocations[key].addresses if key in ledger.allocations else ():
            for user, use in ledger.users(address).items():
                copy.assign(user, changed.get(user, use), ledger.allocations[user])
    return copy


def _changes(
    scene: Scene, config: Config, service: Service, decision: Decision, others: Sequence[Service]
) -> Iterator[_Change]:
    if decision.reason in IN_THE_WAY:
        yield from _shared(scene, service, others)
    yield from _one_pin(scene, service)
    yield from _next_free(scene, config, service)
    yield from _without(scene, service, LOAD_BALANCER_IPS, "leave the address to pylb")
    yield from _without(scene, service, ADDRESS_POOL, "leave the pool to pylb")
    if not requests.pin_source(service):
        yield from _named_pools(scene, config, service)


def _set(service: Service, key: str, value: str) -> Service:
    return replace(service, annotations={**service.annotations, key: value})


def _drop(service: Service, key: str) -> Service:
    return replace(service, annotations={name: text for name, text in service.annotations.items() if name != key})


def _shared(scene: Scene, service: Service, others: Sequence[Service]) -> Iterator[_Change]:
    """One sharing key for all that want the address, where their ports allow."""
    key = next((requests.use(one).sharing for one in (*others, service) if requests.use(one).sharing), SHARING)
    name = PREFIX + ALLOW_SHARED_IP
    changed = [one for one in (service, *others) if requests.use(one).sharing != key]
    if not others or not changed:
        return
    commands = "\n".join(scene.shell.annotate(one, name, key) for one in changed)
    with_it = ", ".join(one.key for one in others)
    yield _Change(
        _set(service, name, key),
        f"share the address with {with_it}",
        commands,
        tuple(_set(one, name, key) for one in others),
    )


def _one_pin(scene: Scene, service: Service) -> Iterator[_Change]:
    """Of two places where an address is asked for, one."""
    annotated = [prefix + LOAD_BALANCER_IPS for prefix in (PREFIX, OLD_PREFIX)]
    named = [key for key in annotated if service.annotations.get(key)]
    if not named or not service.load_balancer_ip:
        return
    text = f"keep {named[0]} alone"
    yield _Change(replace(service, load_balancer_ip=""), text, scene.shell.patch(service, {"loadBalancerIP": None}))
    if len(named) == 1:
        kept = _drop(service, named[0])
        yield _Change(kept, "keep spec.loadBalancerIP alone", scene.shell.annotate(service, named[0], None))


def _next_free(scene: Scene, config: Config, service: Service) -> Iterator[_Change]:
    """Another address of the pool that the wanted one is of."""
    asked = requests.parse(service)
    if isinstance(asked, requests.Refusal) or not asked.addresses:
        return
    pool = config.pool_of(asked.addresses) or config.pool_of(asked.addresses[:1])
    if pool is None:
        return
    found = [scene.ledger.unused(pool, address.version) for address in asked.addresses]
    wanted = ",".join(map(str, found))
    if all(found):
        yield _pinned(scene, service, wanted)


def _pinned(scene: Scene, service: Service, wanted: str) -> _Change:
    source = requests.pin_source(service)
    text = f"ask for {wanted}"
    if source.startswith((PREFIX, OLD_PREFIX)):
        return _Change(_set(service, source, wanted), text, scene.shell.annotate(service, source, wanted))
    return _Change(
        replace(service, load_balancer_ip=wanted), text, scene.shell.patch(service, {"loadBalancerIP": wanted})
    )


def _without(scene: Scene, service: Service, name: str, text: str) -> Iterator[_Change]:
    """The same Service without a wish."""
    keys = [prefix + name for prefix in (PREFIX, OLD_PREFIX) if prefix + name in service.annotations]
    changed, commands = service, []
    for key in keys:
        changed = _drop(changed, key)
        commands.append(scene.shell.annotate(service, key, None))
    if name == LOAD_BALANCER_IPS and service.load_balancer_ip:
        changed = replace(changed, load_balancer_ip="")
        commands.append(scene.shell.patch(service, {"loadBalancerIP": None}))
    if commands:
        yield _Change(changed, text, "\n".join(commands))


def _named_pools(scene: Scene, config: Config, service: Service) -> Iterator[_Change]:
    """The same Service with a pool named."""
    key = PREFIX + ADDRESS_POOL
    for name in sorted(config.pools)[:MAX_POOLS]:
        if requests.annotation(service, ADDRESS_POOL) != name:
            command = scene.shell.annotate(service, key, name)
            yield _Change(_set(service, key, name), f"ask for pool {name}", command)


def in_the_way(decision: Decision, services: Mapping[ServiceKey, Service]) -> tuple[Service, ...]:
    """The Services that a decision names, as far as they are known."""
    return tuple(services[key] for key in decision.blockers if key in services)

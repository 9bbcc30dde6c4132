"""The shapes of built-in kinds as far as the server itself reads them, as structural schemas.

What stands here is checked on every write (a wrong type is 400, as the real decoder answers); all else is stored as
it comes.
"""

from __future__ import annotations

from typing import Any

from pylb.embedded.errors import JSON, Unreadable
from pylb.embedded.resources import Resource
from pylb.embedded.schema import validate

_TEXT: JSON = {"type": "string"}
_NUMBER: JSON = {"type": "integer"}
_FLAG: JSON = {"type": "boolean"}
_WORDS: JSON = {"type": "array", "items": _TEXT}
_TABLE: JSON = {"type": "object", "additionalProperties": _TEXT}
_EITHER: JSON = {"x-kubernetes-int-or-string": True}


def _object(**properties: JSON) -> JSON:
    return {"type": "object", "properties": properties}


def _list(item: JSON) -> JSON:
    return {"type": "array", "items": item}


_CONDITIONS = _list(_object(type=_TEXT, status=_TEXT, reason=_TEXT, message=_TEXT))
_SELECTOR = _object(
    matchLabels=_TABLE,
    matchExpressions=_list(_object(key=_TEXT, operator=_TEXT, values=_WORDS)),
)
_PORT = _object(name=_TEXT, protocol=_TEXT, port=_NUMBER, targetPort=_EITHER, nodePort=_NUMBER, appProtocol=_TEXT)
_INGRESS = _object(ip=_TEXT, hostname=_TEXT, ipMode=_TEXT, ports=_list(_object(port=_NUMBER, protocol=_TEXT)))
_SERVICE = _object(
    spec=_object(
        type=_TEXT,
        clusterIP=_TEXT,
        clusterIPs=_WORDS,
        ipFamilies=_WORDS,
        ipFamilyPolicy=_TEXT,
        selector=_TABLE,
        ports=_list(_PORT),
        externalIPs=_WORDS,
        externalName=_TEXT,
        externalTrafficPolicy=_TEXT,
        internalTrafficPolicy=_TEXT,
        sessionAffinity=_TEXT,
        loadBalancerIP=_TEXT,
        loadBalancerClass=_TEXT,
        loadBalancerSourceRanges=_WORDS,
        allocateLoadBalancerNodePorts=_FLAG,
        publishNotReadyAddresses=_FLAG,
        healthCheckNodePort=_NUMBER,
    ),
    status=_object(loadBalancer=_object(ingress=_list(_INGRESS)), conditions=_CONDITIONS),
)
_CONTAINER = _object(
    name=_TEXT,
    image=_TEXT,
    command=_WORDS,
    args=_WORDS,
    env=_list(_object(name=_TEXT, value=_TEXT)),
    ports=_list(_object(name=_TEXT, containerPort=_NUMBER, hostPort=_NUMBER, protocol=_TEXT)),
)
_POD_SPEC = _object(
    containers=_list(_CONTAINER),
    initContainers=_list(_CONTAINER),
    nodeName=_TEXT,
    nodeSelector=_TABLE,
    restartPolicy=_TEXT,
    hostNetwork=_FLAG,
    terminationGracePeriodSeconds=_NUMBER,
)
_CONTAINER_STATUS = _object(name=_TEXT, ready=_FLAG, restartCount=_NUMBER, state=_object())
_POD_STATUS = _object(
    phase=_TEXT,
    reason=_TEXT,
    podIP=_TEXT,
    podIPs=_list(_object(ip=_TEXT)),
    conditions=_CONDITIONS,
    containerStatuses=_list(_CONTAINER_STATUS),
)
_TEMPLATE = _object(metadata=_object(labels=_TABLE, annotations=_TABLE), spec=_POD_SPEC)
_SHARE = _object(maxSurge=_EITHER, maxUnavailable=_EITHER)
_WORKLOAD = _object(
    spec=_object(
        replicas=_NUMBER,
        paused=_FLAG,
        selector=_SELECTOR,
        strategy=_object(type=_TEXT, rollingUpdate=_SHARE),
        template=_TEMPLATE,
    ),
    status=_object(replicas=_NUMBER, conditions=_CONDITIONS),
)
_ENDPOINT = _object(
    addresses=_WORDS,
    nodeName=_TEXT,
    conditions=_object(ready=_FLAG, serving=_FLAG, terminating=_FLAG),
    targetRef=_object(),
)
_VERSION = _object(
    name=_TEXT,
    served=_FLAG,
    storage=_FLAG,
    schema=_object(openAPIV3Schema=_object()),
    subresources=_object(status=_object(), scale=_object()),
    additionalPrinterColumns=_list(_object(name=_TEXT, type=_TEXT, jsonPath=_TEXT, priority=_NUMBER)),
)
_DEFINITION = _object(
    spec=_object(
        group=_TEXT,
        scope=_TEXT,
        names=_object(plural=_TEXT, kind=_TEXT, singular=_TEXT, listKind=_TEXT, shortNames=_WORDS, categories=_WORDS),
        versions=_list(_VERSION),
    )
)

_SHAPES: dict[str, JSON] = {
    "Namespace": _object(spec=_object(finalizers=_WORDS), status=_object(phase=_TEXT)),
    "Node": _object(
        spec=_object(unschedulable=_FLAG, podCIDR=_TEXT, taints=_list(_object())),
        status=_object(conditions=_CONDITIONS, addresses=_list(_object(type=_TEXT, address=_TEXT))),
    ),
    "Service": _SERVICE,
    "Pod": _object(spec=_POD_SPEC, status=_POD_STATUS),
    "Deployment": _WORKLOAD,
    "DaemonSet": _WORKLOAD,
    "ConfigMap": _object(data=_TABLE, binaryData=_TABLE),
    "Secret": _object(data=_TABLE, stringData=_TABLE, type=_TEXT),
    "Event": _object(involvedObject=_object(kind=_TEXT, namespace=_TEXT, name=_TEXT), reason=_TEXT, message=_TEXT),
    "Lease": _object(
        spec=_object(
            holderIdentity=_TEXT,
            leaseDurationSeconds=_NUMBER,
            acquireTime=_TEXT,
            renewTime=_TEXT,
            leaseTransitions=_NUMBER,
        )
    ),
    "EndpointSlice": _object(
        addressType=_TEXT, endpoints=_list(_ENDPOINT), ports=_list(_object(name=_TEXT, port=_NUMBER))
    ),
    "CustomResourceDefinition": _DEFINITION,
}
_TOP = _object(spec=_object(), status=_object())


def without_nulls(value: Any) -> Any:
    """A copy of a body as Go decodes it: a null field is an absent one."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value if item is not None]
    return value


def check(resource: Resource, obj: JSON) -> None:
    """Refuse an object of a built-in kind whose shape the server could not read."""
    causes = validate(_SHAPES.get(resource.kind, _TOP), obj)
    if causes:
        raise unreadable(resource, f"{causes[0].field}: {causes[0].text}")


def unreadable(resource: Resource, why: str) -> Unreadable:
    """400 for a body that cannot be decoded."""
    return Unreadable(f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: {why}')

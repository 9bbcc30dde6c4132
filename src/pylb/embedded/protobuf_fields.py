"""Field numbers of the messages that kubectl sends as protobuf, as the generated.proto files of k8s.io/api number them.

Only fields that kubectl's commands set stand here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message: its JSON name and how it is read.

    `type` is text, int, bool, bytes, time, quantity, int-or-string, a message, or `map:` and one of these words.
    A `pointer` says something even if it is zero.
    """

    name: str
    type: str | Message
    many: bool = False
    pointer: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message: its fields by number."""

    fields: dict[int, Field]


def _texts(**numbers: int) -> dict[int, Field]:
    return {number: Field(name, "text") for name, number in numbers.items()}


def _wrapped(metadata: Message, spec: Message) -> Message:
    return Message({1: Field("metadata", metadata), 2: Field("spec", spec)})


_LABELS = "map:text"

OWNER = Message(
    {
        **_texts(kind=1, name=3, uid=4, apiVersion=5),
        6: Field("controller", "bool", pointer=True),
        7: Field("blockOwnerDeletion", "bool", pointer=True),
    }
)
METADATA = Message(
    {
        **_texts(name=1, generateName=2, namespace=3, uid=5, resourceVersion=6),
        11: Field("labels", _LABELS),
        12: Field("annotations", _LABELS),
        13: Field("ownerReferences", OWNER, many=True),
        14: Field("finalizers", "text", many=True),
    }
)
SELECTOR = Message(
    {
        1: Field("matchLabels", _LABELS),
        2: Field(
            "matchExpressions", Message({**_texts(key=1, operator=2), 3: Field("values", "text", many=True)}), many=True
        ),
    }
)
CONTAINER_PORT = Message(
    {**_texts(name=1, protocol=4, hostIP=5), 2: Field("hostPort", "int"), 3: Field("containerPort", "int")}
)
RESOURCES = Message({1: Field("limits", "map:quantity"), 2: Field("requests", "map:quantity")})
CONTAINER = Message(
    {
        **_texts(name=1, image=2, workingDir=5, imagePullPolicy=14),
        3: Field("command", "text", many=True),
        4: Field("args", "text", many=True),
        6: Field("ports", CONTAINER_PORT, many=True),
        7: Field("env", Message(_texts(name=1, value=2)), many=True),
        8: Field("resources", RESOURCES),
        16: Field("stdin", "bool"),
        17: Field("stdinOnce", "bool"),
        18: Field("tty", "bool"),
    }
)
POD_SPEC = Message(
    {
        **_texts(restartPolicy=3, dnsPolicy=6, serviceAccountName=8, nodeName=10),
        2: Field("containers", CONTAINER, many=True),
        4: Field("terminationGracePeriodSeconds", "int", pointer=True),
        7: Field("nodeSelector", _LABELS),
        11: Field("hostNetwork", "bool"),
        20: Field("initContainers", CONTAINER, many=True),
    }
)
TEMPLATE = _wrapped(METADATA, POD_SPEC)
ROLLING = Message({1: Field("maxUnavailable", "int-or-string"), 2: Field("maxSurge", "int-or-string")})
DEPLOYMENT_SPEC = Message(
    {
        1: Field("replicas", "int", pointer=True),
        2: Field("selector", SELECTOR),
        3: Field("template", TEMPLATE),
        4: Field("strategy", Message({**_texts(type=1), 2: Field("rollingUpdate", ROLLING)})),
        5: Field("minReadySeconds", "int"),
        6: Field("revisionHistoryLimit", "int", pointer=True),
        7: Field("paused", "bool"),
        9: Field("progressDeadlineSeconds", "int", pointer=True),
    }
)
SERVICE_PORT = Message(
    {
        **_texts(name=1, protocol=2, appProtocol=6),
        3: Field("port", "int"),
        4: Field("targetPort", "int-or-string"),
        5: Field("nodePort", "int"),
    }
)
SERVICE_SPEC = Message(
    {
        **_texts(clusterIP=3, type=4, sessionAffinity=7, loadBalancerIP=8, externalName=10, externalTrafficPolicy=11),
        **_texts(ipFamilyPolicy=17, loadBalancerClass=21, internalTrafficPolicy=22),
        1: Field("ports", SERVICE_PORT, many=True),
        2: Field("selector", _LABELS),
        5: Field("externalIPs", "text", many=True),
        9: Field("loadBalancerSourceRanges", "text", many=True),
        12: Field("healthCheckNodePort", "int"),
        13: Field("publishNotReadyAddresses", "bool"),
        18: Field("clusterIPs", "text", many=True),
        19: Field("ipFamilies", "text", many=True),
        20: Field("allocateLoadBalancerNodePorts", "bool", pointer=True),
    }
)
DELETE_OPTIONS = Message(
    {
        1: Field("gracePeriodSeconds", "int", pointer=True),
        2: Field("preconditions", Message(_texts(uid=1, resourceVersion=2))),
        4: Field("propagationPolicy", "text"),
        5: Field("dryRun", "text", many=True),
    }
)
REVIEW = Message(
    {
        1: Field(
            "resourceAttributes",
            Message(_texts(namespace=1, verb=2, group=3, version=4, resource=5, subresource=6, name=7)),
        ),
        2: Field("nonResourceAttributes", Message(_texts(path=1, verb=2))),
    }
)

KINDS: dict[tuple[str, str], Message] = {
    ("v1", "Namespace"): _wrapped(METADATA, Message({1: Field("finalizers", "text", many=True)})),
    ("v1", "Secret"): Message(
        {
            1: Field("metadata", METADATA),
            2: Field("data", "map:bytes"),
            3: Field("type", "text"),
            4: Field("stringData", _LABELS),
            5: Field("immutable", "bool"),
        }
    ),
    ("v1", "ConfigMap"): Message(
        {
            1: Field("metadata", METADATA),
            2: Field("data", _LABELS),
            3: Field("binaryData", "map:bytes"),
            4: Field("immutable", "bool"),
        }
    ),
    ("v1", "ServiceAccount"): Message({1: Field("metadata", METADATA)}),
    ("v1", "Service"): _wrapped(METADATA, SERVICE_SPEC),
    ("v1", "Pod"): _wrapped(METADATA, POD_SPEC),
    ("apps/v1", "Deployment"): _wrapped(METADATA, DEPLOYMENT_SPEC),
    ("v1", "DeleteOptions"): DELETE_OPTIONS,
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"): _wrapped(METADATA, REVIEW),
}

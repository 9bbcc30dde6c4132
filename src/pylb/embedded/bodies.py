"""Bodies of requests: JSON, YAML and Kubernetes protobuf in, plain JSON values out; ApiError for all that is not so."""

from __future__ import annotations

import json
from typing import Any

import yaml

from pylb.embedded import protobuf
from pylb.embedded.errors import ApiError, bad_request, unsupported
from pylb.embedded.messages import Request

MAX_NESTING = 200  # levels of objects and lists in a body


class _Loader(yaml.SafeLoader):
    """Plain YAML: an alias could make a small text a huge object."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not accepted")
        return super().compose_node(parent, index)


# JSON has no dates: a text that looks like one stays a text.
_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:timestamp"]
    for letter, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

PROTOBUF = "application/vnd.kubernetes.protobuf"
KINDS = ("application/json", "application/yaml", PROTOBUF)  # of bodies that are no patches


def media_type(request: Request) -> str:
    """The content type without its parameters."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def decode(request: Request) -> Any:
    """The value of a body; None where there is none."""
    if not request.body:
        return None
    kind = media_type(request) or KINDS[0]
    if kind not in KINDS:
        listed = ", ".join(KINDS)
        raise unsupported(f"the body of the request was in an unknown format - accepted media types include: {listed}")
    if kind == PROTOBUF:
        try:
            return protobuf.decode(request.body)
        except protobuf.Unsupported as error:
            raise unsupported(f"{error}: send it as JSON, for one by `kubectl apply -f`") from None
        except protobuf.ProtobufError as error:
            raise bad_request(f"the protobuf body cannot be read: {error}") from None
    return plain(request.body, yaml_too="yaml" in kind)


def plain(body: bytes, *, yaml_too: bool = False) -> Any:
    """The value of a JSON or a YAML text; 400 if it is neither, or nested too deeply."""
    try:
        value = yaml.load(body, _Loader) if yaml_too else json.loads(body)  # noqa: S506  # a SafeLoader
        if depth(value) > MAX_NESTING:
            raise bad_request(f"the body is nested more than {MAX_NESTING} levels deep")
        if yaml_too:
            json.dumps(value)  # what JSON cannot say is refused here, not when it is read
    except (ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise ApiError(400, "BadRequest", f"the body cannot be read: {error}") from None
    return value


def depth(value: Any) -> int:
    """How deep objects and lists are nested, without recursion; stops just above the bound."""
    level, layer = 0, [value]
    while layer and level <= MAX_NESTING:
        below: list[Any] = []
        for item in layer:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        layer, level = below, level + 1
    return level

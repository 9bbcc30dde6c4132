"""The Kubernetes protobuf envelope and the few messages that kubectl sends in it, as JSON values.

Only the fields that those commands set are known (`protobuf_fields`); others are skipped, as protobuf asks. Whatever
the bytes are, the only exceptions are `ProtobufError` and, for a kind that is not known, its subclass `Unsupported`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from pylb.embedded.errors import JSON
from pylb.embedded.protobuf_fields import KINDS, Message

MAGIC = b"k8s\x00"
MAX_DEPTH = 32  # messages in messages


class ProtobufError(ValueError):
    """Bytes that are no such message."""


class Unsupported(ProtobufError):
    """A message of a kind that is not known here."""


Wire = int | bytes


def varint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned varint and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ProtobufError("the message ends within a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
    raise ProtobufError("a number is longer than 64 bits")


def wire_fields(data: bytes) -> Iterator[tuple[int, Wire]]:
    """(number, value) of each field of a message; numbers come unsigned."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        value: Wire
        if number == 0:
            raise ProtobufError("field number 0")
        if kind == 0:
            value, at = varint(data, at)
        elif kind in (1, 5):
            width = 8 if kind == 1 else 4
            value, at = _cut(data, at, width), at + width
        elif kind == 2:
            length, at = varint(data, at)
            value, at = _cut(data, at, length), at + length
        else:
            raise ProtobufError(f"wire type {kind} is not used by Kubernetes")
        yield number, value


def _cut(data: bytes, at: int, length: int) -> bytes:
    if at + length > len(data):
        raise ProtobufError("a field is longer than its message")
    return data[at : at + length]


def read(data: bytes, message: Message, depth: int = 0) -> JSON:
    """The JSON value of a message."""
    if depth > MAX_DEPTH:
        raise ProtobufError("messages are nested too deeply")
    result: JSON = {}
    for number, wire in wire_fields(data):
        field = message.fields.get(number)
        if field is None:
            continue
        value = _value(field.type, wire, depth)
        if isinstance(field.type, str) and field.type.startswith("map:"):
            result.setdefault(field.name, {}).update(value)
        elif field.many:
            result.setdefault(field.name, []).append(value)
        elif field.pointer or isinstance(field.type, Message) or value not in (None, "", 0, False):
            result[field.name] = value  # Go writes the zero values that JSON leaves out
    return result


def _value(kind: str | Message, wire: Wire, depth: int) -> Any:
    if isinstance(kind, Message):
        return read(_bytes(wire), kind, depth + 1)
    if kind in ("int", "bool"):
        if isinstance(wire, bytes):
            raise ProtobufError("a number is not sent as one")
        return bool(wire) if kind == "bool" else _signed(wire)
    if kind == "int-or-string":
        return _int_or_string(_bytes(wire))
    if kind.startswith("map:"):
        return _entry(_bytes(wire), kind[4:], depth)
    return _leaf(kind, _bytes(wire))


def _leaf(kind: str, data: bytes) -> Any:
    if kind == "bytes":
        return base64.b64encode(data).decode()
    if kind == "time":  # clients cannot set those that they send
        return None
    if kind == "quantity":
        return _first_text(data, 1)
    return _text(data)


def _entry(data: bytes, kind: str, depth: int) -> JSON:
    pair: dict[int, Wire] = {1: b"", 2: b"", **dict(wire_fields(data))}
    return {_text(_bytes(pair[1])): _value(kind, pair[2], depth + 1)}


def _int_or_string(data: bytes) -> int | str:
    """intstr.IntOrString: type, number, text."""
    parts: dict[int, Wire] = {1: 0, 2: 0, 3: b"", **dict(wire_fields(data))}
    number = parts[2]
    if parts[1] == 1 or isinstance(number, bytes):
        return _text(_bytes(parts[3]))
    return _signed(number)


def _first_text(data: bytes, wanted: int) -> str:
    return next((_text(_bytes(wire)) for number, wire in wire_fields(data) if number == wanted), "")


def _bytes(wire: Wire) -> bytes:
    if isinstance(wire, int):
        raise ProtobufError("a text or message is sent as a number")
    return wire


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ProtobufError("a text is not UTF-8") from None


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def decode(body: bytes) -> JSON:
    """The object in a protobuf body: `k8s\\0`, then runtime.Unknown with TypeMeta and the raw message."""
    if body[:4] != MAGIC:
        raise ProtobufError("the body does not begin with k8s\\0")
    unknown: dict[int, Wire] = {1: b"", 2: b"", **dict(wire_fields(body[4:]))}
    names: dict[int, Wire] = {1: b"", 2: b"", **dict(wire_fields(_bytes(unknown[1])))}
    version, kind = _text(_bytes(names[1])), _text(_bytes(names[2]))
    message = KINDS.get((version, kind))
    if message is None:
        raise Unsupported(f"protobuf of {version} {kind} is not read by the embedded API server")
    return {"apiVersion": version, "kind": kind, **read(_bytes(unknown[2]), message)}

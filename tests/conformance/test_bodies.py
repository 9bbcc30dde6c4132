"""Bodies of requests: what is read, and what is refused before anything else is looked at."""

from __future__ import annotations

import json

import pytest

from conformance.place import Api, config, fields, refusal, service

READABLE = b'{"metadata":{"name":"a"}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b"[" * 12_000 + b"]" * 12_000,
        b'{"metadata":"x"}',
        b'{"metadata":{"name":3}}',
        READABLE[:-1] + b',"labels":{"a":1}}}',
        READABLE[:-1] + b',"annotations":"x"}}',
        READABLE + b',"spec":{"ports":"80"}}',
        READABLE + b',"spec":{"ports":[80]}}',
        READABLE + b',"spec":[]}',
        READABLE + b',"kind":"Pod","apiVersion":"v1"}',
        READABLE + b',"kind":"Service","apiVersion":"v2"}',
        READABLE[:-1] + b',"namespace":"kube-system"}}',
    ],
    ids=str,
)
async def test_unreadable_bodies(api: Api, body: bytes) -> None:
    """A body that is no JSON object of the resource's kind and namespace is a 400."""
    assert refusal(await api.rest.ask("POST", api.services, body)) == (400, "BadRequest")


async def test_kind_may_be_left_out_of_built_in_kinds(api: Api) -> None:
    """A body on a built-in resource need not say kind and apiVersion."""
    assert (await api.rest.post(api.configs, config())).status == 201


async def test_large_bodies(api: Api) -> None:
    """A body above 3 MiB is a 413."""
    answer = await api.rest.ask("POST", api.configs, b"{" + b" " * (3 * 1024 * 1024) + b"}")
    assert answer.status == 413


async def test_content_types_of_creates(api: Api) -> None:
    """A create takes JSON, YAML or protobuf (JSON where none is named); another content type is a 415 that lists them."""
    for name, kind in (("a", "application/json"), ("b", ""), ("c", "application/json; charset=utf-8")):
        assert (await api.rest.ask("POST", api.configs, config(name), kind)).status == 201, kind
    assert (await api.rest.ask("POST", api.configs, b"metadata: {name: d}", "application/yaml")).status == 201
    for kind in ("text/plain", "application/cbor"):
        answer = await api.rest.ask("POST", api.configs, config("e"), kind)
        assert refusal(answer) == (415, "UnsupportedMediaType")
        assert "application/json, application/yaml, application/vnd.kubernetes.protobuf" in answer.json["message"]


async def test_protobuf_of_an_unknown_kind(api: Api) -> None:
    """A protobuf body of a kind that nobody knows is a 400."""
    envelope = b"k8s\x00\x0a\x0c\x0a\x02v1\x12\x06Widget\x12\x00"
    answer = await api.rest.ask("POST", api.configs, envelope, "application/vnd.kubernetes.protobuf")
    assert answer.status == api.either(real=400, embedded=415)


async def test_damaged_protobuf(api: Api) -> None:
    """A protobuf body that ends early is a 400."""
    answer = await api.rest.ask("POST", api.configs, b"k8s\x00\xff", "application/vnd.kubernetes.protobuf")
    assert refusal(answer) == (400, "BadRequest")


async def test_accepted_types(api: Api) -> None:
    """A client that accepts neither JSON nor anything else that the server writes gets a 406."""
    assert refusal(await api.rest.get(api.configs, accept="application/xml")) == (406, "NotAcceptable")
    for accept in ("application/json", "*/*", "application/vnd.kubernetes.protobuf,application/json"):
        assert (await api.rest.get(api.configs, accept=accept)).status == 200, accept


async def test_yaml_answers(api: Api) -> None:
    """A client that accepts YAML alone gets YAML."""
    answer = await api.rest.get(api.configs, accept="application/yaml")
    assert answer.status == api.either(real=200, embedded=406)


async def test_options_of_a_write(api: Api) -> None:
    """`fieldValidation` and `dryRun` take their own words alone; another is a 422 of the options."""
    assert fields(await api.rest.post(f"{api.configs}?fieldValidation=Maybe", config())) == ["fieldValidation"]
    assert fields(await api.rest.post(f"{api.configs}?dryRun=Some", config())) == ["dryRun"]
    assert (await api.rest.get(f"{api.configs}/a")).status == 404


async def test_unknown_fields_of_built_in_kinds(api: Api) -> None:
    """An unknown field of a built-in kind is dropped with a Warning header."""
    answer = await api.rest.post(api.services, service(colour="red"))
    assert answer.status == 201
    assert answer.headers.get("warning") == api.either(real='299 - "unknown field \\"spec.colour\\""', embedded=None)
    assert answer.json["spec"].get("colour") == api.either(real=None, embedded="red")


async def test_strict_validation_of_built_in_kinds(api: Api) -> None:
    """With `fieldValidation=Strict` an unknown field of a built-in kind is a 400."""
    answer = await api.rest.post(f"{api.services}?fieldValidation=Strict", service(colour="red"))
    assert answer.status == api.either(real=400, embedded=201)


async def test_dry_runs(api: Api) -> None:
    """A write with `dryRun=All` is answered as if it were done, and changes nothing."""
    dry = await api.rest.post(f"{api.configs}?dryRun=All", config())
    assert (dry.status, dry.json["metadata"]["name"], "uid" in dry.json["metadata"]) == (201, "a", True)
    assert "resourceVersion" not in dry.json["metadata"]
    assert (await api.rest.get(f"{api.configs}/a")).status == 404
    await api.made(api.configs, config())
    assert (await api.rest.patch(f"{api.configs}/a?dryRun=All", {"data": {"a": "2"}})).json["data"] == {"a": "2"}
    assert (await api.rest.delete(f"{api.configs}/a?dryRun=All")).json["status"] == "Success"
    assert (await api.rest.delete(f"{api.configs}/a", {"dryRun": ["All"]})).json["status"] == "Success"
    assert (await api.rest.delete(f"{api.configs}?dryRun=All")).status == 200
    assert (await api.rest.get(f"{api.configs}/a")).json["data"] == {"a": "1"}


async def test_values_survive(api: Api) -> None:
    """Text is read as it was written, whatever its script and quotes."""
    data = {"a": 'ä 語 \u2028 \\ "', "b": json.dumps([1, 2.5, None])}
    await api.made(api.configs, {"metadata": {"name": "a"}, "data": data})
    assert (await api.rest.get(f"{api.configs}/a")).json["data"] == data

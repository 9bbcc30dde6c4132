"""The OCI archive: every descriptor leads to its blob, the names are there, and the same layers give the same bytes."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest

from pylb.install.image.files import file
from pylb.install.image.layers import digest, layer
from pylb.install.image.oci import NameFault, Settings, archive, tagged_name

COMMON = layer({"app": file(b"app")}, 0, "app")
LAYERS = {arch: [layer({"root": file(arch.encode())}, 0, "base"), COMMON] for arch in ("arm64", "amd64")}
SETTINGS = Settings("pylb:1.2", "1970-01-01T00:00:00Z", "65534:65534", ("python3",), {"B": "2", "A": "1"}, {"k": "v"})


@pytest.fixture(scope="module")
def content() -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive(LAYERS, SETTINGS, 0).data)) as members:
        files = ((one.name, members.extractfile(one)) for one in members.getmembers())
        return {name: data.read() for name, data in files if data is not None}


def follow(content: dict[str, bytes], descriptor: dict[str, Any]) -> Any:
    """The blob of a descriptor; JSON is decoded."""
    data = content["blobs/" + descriptor["digest"].replace(":", "/")]
    assert (len(data), digest(data)) == (descriptor["size"], descriptor["digest"])
    return json.loads(data) if descriptor["mediaType"].endswith("json") else data


def test_names_that_runtimes_read(content: dict[str, bytes]) -> None:
    """Without the first, `ctr images import` takes a name that no kubelet asks for."""
    [top] = json.loads(content["index.json"])["manifests"]
    assert top["annotations"] == {
        "io.containerd.image.name": "docker.io/library/pylb:1.2",
        "org.opencontainers.image.ref.name": "1.2",
    }
    assert json.loads(content["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}


def test_every_descriptor_leads_to_its_blob_and_none_is_left_over(content: dict[str, bytes]) -> None:
    [top] = json.loads(content["index.json"])["manifests"]
    seen = {top["digest"]}
    for entry in follow(content, top)["manifests"]:
        manifest = follow(content, entry)
        config = follow(content, manifest["config"])
        blobs = [follow(content, one) for one in manifest["layers"]]
        arch = entry["platform"]["architecture"]
        assert blobs == [one.data for one in LAYERS[arch]]
        assert config["rootfs"]["diff_ids"] == [one.diff_id for one in LAYERS[arch]]
        assert (config["architecture"], config["os"]) == (arch, "linux")
        seen |= {entry["digest"], manifest["config"]["digest"], *(one["digest"] for one in manifest["layers"])}
    assert {"sha256:" + name.rpartition("/")[2] for name in content if name.startswith("blobs/")} == seen


def test_platforms_and_how_it_runs(content: dict[str, bytes]) -> None:
    [top] = json.loads(content["index.json"])["manifests"]
    entries = follow(content, top)["manifests"]
    assert [entry["platform"] for entry in entries] == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm64", "os": "linux", "variant": "v8"},
    ]
    config = follow(content, follow(content, entries[0])["config"])["config"]
    assert (config["User"], config["Entrypoint"], config["Env"]) == ("65534:65534", ["python3"], ["A=1", "B=2"])
    assert config["Labels"] == {"k": "v"}
    assert "ExposedPorts" not in config


def test_the_same_layers_give_the_same_bytes() -> None:
    assert archive(LAYERS, SETTINGS, 0) == archive(dict(reversed(LAYERS.items())), SETTINGS, 0)


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("pylb:0.1.0", "docker.io/library/pylb:0.1.0"),
        ("me/pylb:1", "docker.io/me/pylb:1"),
        ("localhost:32000/pylb:1", "localhost:32000/pylb:1"),
        ("localhost/pylb:1", "localhost/pylb:1"),
        ("ghcr.io/me/pylb:1", "ghcr.io/me/pylb:1"),
    ],
)
def test_short_names_are_completed(name: str, full: str) -> None:
    assert tagged_name(name) == full


@pytest.mark.parametrize("name", ["", "pylb", ":1", "pylb:", "localhost:32000/pylb", "pylb:1/2", "pylb@sha256:00"])
def test_names_without_a_tag_are_refused(name: str) -> None:
    with pytest.raises(NameFault, match="no image name with a tag"):
        tagged_name(name)

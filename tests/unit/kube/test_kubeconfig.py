"""What a kubeconfig says, and what is told when it cannot be used."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from fakes.kubeconfigs import HERE, config, place, token
from pylb.kube.errors import NoCluster
from pylb.kube.kubeconfig import read


async def test_data_and_files(tmp_path: Path) -> None:
    file = place(tmp_path / "config", b"")
    place(tmp_path / "ca.pem", b"CA")
    place(tmp_path / "tok", b"from-file\n")
    found = read(
        config(
            {"certificate-authority": "ca.pem", "tls-server-name": "kubernetes"},
            {"client-certificate-data": base64.b64encode(b"CERT").decode(), "client-key": "ca.pem", "tokenFile": "tok"},
        ),
        file,
    )
    assert (found.ca, found.certificate, found.key) == (b"CA", b"CERT", b"CA")
    assert (found.tls_server_name, found.insecure, await token(found)) == ("kubernetes", False, "from-file")


async def test_a_token_and_another_context() -> None:
    found = read(config(user={"token": "t"}), HERE, context="other")
    assert (found.server, found.namespace, await token(found)) == ("https://d", "ns", "t")
    assert read(config({"insecure-skip-tls-verify": True}), HERE).insecure


def test_secrets_are_in_no_repr() -> None:
    user = {"token": "s3cret", "client-key-data": base64.b64encode(b"s3cret").decode()}
    assert "s3cret" not in repr(read(config(user=user), HERE))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "holds NoneType"),
        (b"[]", "holds list"),
        (b"a: [", "line 1"),
        (b"\x00\xff", "YAML cannot be read"),
        (b"- " * 5000, "no kubeconfig"),
        (config(**{"current-context": ""}), "kubectl config use-context"),
        (config(**{"current-context": "none"}), "no entry 'none' in contexts"),
        (config(clusters=[]), "no entry 'c' in clusters"),
        (config(users="x"), "no entry 'u' in users"),
        (config({"server": "10.0.0.1"}), "must be a URL"),
        (config({"server": "https://h:99999"}), "must be a URL"),
        (config({"server": None}), "must be a URL"),
        (config({"proxy-url": "http://p"}), "proxy-url is not supported"),
        (config({"certificate-authority-data": "é"}), "not base64"),
        (config({"certificate-authority": "none.pem"}), "cannot read certificate-authority none.pem"),
        (config({"tls-server-name": 5}), "must be a text"),
        (config(user={"as": "admin"}), "'as' is not supported"),
        (config(user={"username": "me", "password": "x"}), "'username' is not supported"),
    ],
)
def test_what_cannot_be_used_says_why(text: bytes, told: str) -> None:
    with pytest.raises(NoCluster) as caught:
        read(text, HERE)
    assert told in str(caught.value)
    assert str(HERE) in str(caught.value)


def test_the_yaml_is_not_quoted() -> None:
    """A broken kubeconfig still holds secrets."""
    with pytest.raises(NoCluster) as caught:
        read(b"token: s3cret\n s3cret: [", HERE)
    assert "s3cret" not in str(caught.value)

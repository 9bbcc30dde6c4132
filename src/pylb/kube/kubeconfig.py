"""What one kubeconfig file says: the current context's cluster and user, as Credentials.

Read here: CA, client certificate and key (data or file), token, tokenFile, insecure-skip-tls-verify, tls-server-name.
Exec plugins and auth providers are handed to `kube.plugins`. What would change who we are or whom we talk to and is
not understood (impersonation, proxy-url, passwords) is refused, never ignored.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from pylb.kube import documents
from pylb.kube.bearer import Bearer, FileBearer, StaticBearer
from pylb.kube.credentials import Credentials
from pylb.kube.errors import NoCluster

_PLUGINS = ("exec", "auth-provider")
_REFUSED = ("as", "as-uid", "as-groups", "as-user-extra", "username", "password")

Section = Mapping[str, Any]


def read(
    text: bytes, file: Path, *, context: str | None = None, environ: Mapping[str, str] | None = None
) -> Credentials:
    """The credentials of `context`, else of the current one. Raises NoCluster; relative paths count from the file."""
    raw = _parse(text, file)
    name = context or raw.get("current-context")
    if not isinstance(name, str) or not name:
        raise NoCluster(f"{file} has no current-context; set one: kubectl config use-context NAME")
    ctx = _entry(raw, "contexts", "context", name, file)
    cluster = _entry(raw, "clusters", "cluster", str(ctx.get("cluster", "")), file)
    user_name = ctx.get("user")
    user = _entry(raw, "users", "user", str(user_name), file) if user_name else {}
    server = _server(cluster, file)
    _refuse(cluster, user, file)
    if any(user.get(key) for key in _PLUGINS):
        from pylb.kube.plugins import load_plugin

        return load_plugin(file, name, namespace=_namespace(ctx))
    return Credentials(
        server=server,
        source=str(file),
        ca=_pem(cluster, "certificate-authority", file),
        insecure=cluster.get("insecure-skip-tls-verify") is True,
        tls_server_name=_text(cluster, "tls-server-name", file),
        certificate=_pem(user, "client-certificate", file),
        key=_pem(user, "client-key", file),
        bearer=_bearer(user, file),
        namespace=_namespace(ctx),
    )


def _parse(text: bytes, file: Path) -> Section:
    try:
        raw = documents.read(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise NoCluster(f"{file} is no kubeconfig: its YAML cannot be read{where}") from None
    if not isinstance(raw, dict):
        raise NoCluster(f"{file} is no kubeconfig: it holds {type(raw).__name__}, not a mapping")
    return raw


def _entry(raw: Section, kind: str, body: str, name: str, file: Path) -> Section:
    """The body of the named entry of one of the three lists."""
    entries = raw.get(kind)
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("name") == name:
            found = entry.get(body)
            return found if isinstance(found, dict) else {}
    raise NoCluster(f"{file} has no entry {name!r} in {kind}")


def _server(cluster: Section, file: Path) -> str:
    server = cluster.get("server")
    try:
        parts = urlsplit(server) if isinstance(server, str) else None
        valid = parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise NoCluster(f"{file}: the cluster's server must be a URL such as https://10.0.0.1:6443, not {server!r}")
    return str(server).rstrip("/")


def _refuse(cluster: Section, user: Section, file: Path) -> None:
    if cluster.get("proxy-url"):
        raise NoCluster(f"{file}: proxy-url is not supported")
    for key in _REFUSED:
        if user.get(key):
            raise NoCluster(f"{file}: the user's {key!r} is not supported; use a token or a client certificate")


def _pem(section: Section, key: str, file: Path) -> bytes | None:
    """The bytes of `key`-data, else of the file that `key` names."""
    data = section.get(f"{key}-data")
    if data:
        try:
            return base64.b64decode(str(data), validate=False)
        except (binascii.Error, ValueError) as error:
            raise NoCluster(f"{file}: {key}-data is not base64") from error
    name = _text(section, key, file)
    if name is None:
        return None
    try:
        return (file.parent / name).read_bytes()
    except OSError as error:
        raise NoCluster(f"{file}: cannot read {key} {name}: {error.strerror or error}") from error


def _bearer(user: Section, file: Path) -> Bearer:
    """The token; a token file wins over a token, as in client-go."""
    name = _text(user, "tokenFile", file)
    if name is not None:
        return FileBearer(file.parent / name)
    return StaticBearer(_text(user, "token", file))


def _text(section: Section, key: str, file: Path) -> str | None:
    value = section.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise NoCluster(f"{file}: {key} must be a text, not {type(value).__name__}")
    return value


def _namespace(ctx: Section) -> str:
    namespace = ctx.get("namespace")
    return namespace if isinstance(namespace, str) and namespace else "default"

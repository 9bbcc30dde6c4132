"""The door to the `kubernetes` package, for kubeconfig users with an exec plugin or an auth provider (cloud logins).

Nothing else in pylb imports that package; it costs 45 to 80 MiB and up to a second (measured with version 37).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from pylb.kube.credentials import Credentials
from pylb.kube.errors import NoCluster, Unauthorized, cut

PREFIX = "Bearer "
KEYS = ("BearerToken", "authorization")  # where the package keeps the token: now, and before version 34


def load_plugin(file: Path, context: str, *, namespace: str = "default") -> Credentials:
    """The credentials that the user's plugin gives; it is run once here. Raises NoCluster."""
    try:
        from kubernetes.client import Configuration
        from kubernetes.config import load_kube_config
    except ImportError as error:
        raise NoCluster(f"{file} needs a login plugin: pip install 'pylb[auth]'") from error
    config = Configuration()
    try:
        load_kube_config(str(file), context=context, client_configuration=config, persist_config=False)
    except Exception as error:  # whatever a plugin and the package's loader raise, it is one thing to the caller
        raise NoCluster(f"the login plugin of {file} failed: {cut(str(error))}") from error
    if not config.cert_file and not any(
        key in config.api_key for key in KEYS
    ):  # it logs a plugin's failure and goes on
        raise NoCluster(f"the login plugin of {file} gave no credentials; run: kubectl get nodes")
    return Credentials(
        server=str(config.host).rstrip("/"),
        source=str(file),
        ca=_file(config.ssl_ca_cert),
        insecure=not config.verify_ssl,
        tls_server_name=getattr(config, "tls_server_name", None) or None,
        certificate=_file(config.cert_file),
        key=_file(config.key_file),
        bearer=PluginBearer(config),
        namespace=namespace,
    )


class PluginBearer:
    """Tokens of the package's configuration, which runs the plugin again when its token has expired."""

    def __init__(self, config: Any) -> None:
        self._config = config

    async def token(self) -> str | None:
        """The token; the plugin may take its time, in a thread. Raises Unauthorized."""
        try:
            value = await asyncio.to_thread(self._config.get_api_key_with_prefix, *KEYS)
        except Exception as error:  # the plugin's own failures have no common type
            raise Unauthorized(f"the login plugin failed: {cut(str(error))}") from error
        text = str(value or "")
        return (text.removeprefix(PREFIX)) or None

    def expire(self) -> None:
        """The package itself knows the expiry of what it holds."""


def _file(name: Any) -> bytes | None:
    return Path(str(name)).read_bytes() if name else None

"""The way to the cluster: kubectl as a child process, with a time limit, and with each outcome checked.

It knows how kubectl is found and how it fails; what is asked of the cluster is decided elsewhere.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pylb.addon.cluster import ClusterFault, Unreachable
from pylb.addon.names import JSON

LIMIT_S = 120  # for one call of kubectl, waiting included
REQUEST_S = 30  # for one request of kubectl to the API server
MAX_MESSAGE = 2000  # characters of kubectl's own message that are passed on
# The objects are our own, and tested; to check them kubectl would fetch megabytes of schemas first.
_TRUSTED = "--validate=false"
_WRAPPER = "microk8s-kubectl.wrapper"
_FOREIGN_TO_CHILDREN = ("PYTHONPATH", "LD_LIBRARY_PATH")  # the snap's own; they break programs of the host
_MADE_MEANWHILE = "(AlreadyExists)"  # two installations at once
_NO_ANSWER = (  # how kubectl and the snap's wrapper say that there is no API server to talk to
    "connection to the server",
    "unable to connect to the server",
    "was refused",
    "connection refused",
    "no route to host",
    "i/o timeout",
    "no such host",
    "no configuration has been provided",
    "context deadline exceeded",
    "net/http: request canceled",
    "client.timeout",
    "server is currently unable to handle the request",
    "microk8s is not running",
)


@dataclass(frozen=True, slots=True)
class Kubectl:
    """How kubectl is called. `shown` is how a person types it."""

    command: tuple[str, ...]
    shown: str
    environment: Mapping[str, str]

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """kubectl's output; raises Unreachable or ClusterFault. `stdin` is what `-f -` reads."""
        line = [*self.command, f"--request-timeout={REQUEST_S}s", *arguments]
        try:
            done = subprocess.run(
                line,
                input=stdin if stdin is not None else "",
                env=dict(self.environment),
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Unreachable(f"`{self._typed(arguments)}` did not end within {LIMIT_S} s") from None
        except FileNotFoundError:
            raise ClusterFault(
                f"cannot run {self.command[0]}: No such file or directory; install kubectl, or name it: --kubectl COMMAND"
            ) from None
        except OSError as error:
            raise ClusterFault(f"cannot run {self.command[0]}: {error.strerror or error}") from None
        if done.returncode != 0:
            raise self._failure(arguments, done.returncode, done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def reach(self) -> None:
        """See Cluster."""
        self.run("get", "--raw", "/version")

    def definitions(self) -> frozenset[str]:
        """See Cluster. Only names are asked for: the definitions themselves are megabytes."""
        lines = self.run("get", "customresourcedefinitions", "-o", "name").split()
        return frozenset(line.partition("/")[2] for line in lines)

    def listed(self, kinds: Sequence[str], namespace: str | None = None) -> list[JSON]:
        """See Cluster."""
        return self._objects(",".join(kinds), *_where(namespace))

    def find(self, names: Sequence[str], namespace: str | None = None) -> list[JSON]:
        """See Cluster."""
        return self._objects(*names, *(("-n", namespace) if namespace else ()))

    def _objects(self, *arguments: str) -> list[JSON]:
        """What `kubectl get … -o json` finds; nothing is no error."""
        text = self.run("get", *arguments, "--ignore-not-found", "-o", "json")
        if not text.strip():
            return []
        try:
            document = json.loads(text)
            items = document["items"] if str(document["kind"]).endswith("List") else [document]
            return [item for item in items if isinstance(item, dict)]
        except (ValueError, KeyError, TypeError):
            raise ClusterFault(f"`{self._typed(('get', *arguments))}` answered no JSON object") from None

    def apply(self, objects: Iterable[JSON]) -> None:
        """See Cluster. Where somebody else made one of them meanwhile, kubectl's own create fails: once more finds it."""
        text = _list(objects)
        try:
            self.run("apply", _TRUSTED, "-f", "-", stdin=text)
        except ClusterFault as error:
            if _MADE_MEANWHILE not in str(error):
                raise
            self.run("apply", _TRUSTED, "-f", "-", stdin=text)

    def create(self, objects: Iterable[JSON]) -> None:
        """See Cluster."""
        self.run("create", _TRUSTED, "-f", "-", stdin=_list(objects))

    def patch(self, name: str, change: JSON, namespace: str | None = None) -> None:
        """See Cluster. The patch comes by standard input: a command line holds 128 KiB at most."""
        where = ("-n", namespace) if namespace else ()
        self.run("patch", name, *where, "--type=merge", "--patch-file=/dev/stdin", stdin=json.dumps(change))

    def delete(self, objects: Iterable[JSON]) -> None:
        """See Cluster."""
        limit = f"--timeout={LIMIT_S // 2}s"
        self.run("delete", "-f", "-", "--ignore-not-found=true", limit, stdin=_list(objects))

    def clear(self, kinds: Sequence[str], namespace: str) -> None:
        """See Cluster."""
        self.run("delete", ",".join(kinds), "--all", "-n", namespace, "--ignore-not-found=true")

    def establish(self, names: Sequence[str], limit_s: int) -> None:
        """See Cluster."""
        definitions = [f"customresourcedefinitions/{name}" for name in names]
        self.run("wait", "--for=condition=Established", f"--timeout={limit_s}s", *definitions)

    def _typed(self, arguments: Iterable[str]) -> str:
        return " ".join((self.shown, *arguments))

    def _failure(self, arguments: tuple[str, ...], code: int, message: str) -> ClusterFault:
        lowered = message.lower()
        kind = Unreachable if any(text in lowered for text in _NO_ANSWER) else ClusterFault
        return kind(f"`{self._typed(arguments)}` failed: {message[:MAX_MESSAGE] or f'exit code {code}'}")


def _where(namespace: str | None) -> tuple[str, ...]:
    return ("-n", namespace) if namespace else ("--all-namespaces",)


def _list(objects: Iterable[JSON]) -> str:
    """Objects as one JSON document: YAML of that size takes a Raspberry Pi seconds to write."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def find(command: str, environment: Mapping[str, str]) -> Kubectl:
    """The kubectl to use: `command` where one was given, else the snap's own, else one on the PATH.

    Raises ValueError where `command` cannot be read as a command line.
    """
    snap = environment.get("SNAP", "")
    wrapper = Path(snap) / _WRAPPER
    if not command and snap and wrapper.exists():
        return Kubectl((str(wrapper),), "microk8s kubectl", environment)
    words = tuple(shlex.split(command)) if command else _installed(environment)
    if not words:
        raise ValueError("the command is empty")
    clean = {name: value for name, value in environment.items() if name not in _FOREIGN_TO_CHILDREN}
    return Kubectl(words, shlex.join(words), clean)


def _installed(environment: Mapping[str, str]) -> tuple[str, ...]:
    """kubectl itself, or the one that a distribution of Kubernetes brings."""
    for words in (("kubectl",), ("k3s", "kubectl"), ("microk8s", "kubectl")):
        if shutil.which(words[0], path=environment.get("PATH")):
            return words
    return ("kubectl",)

"""Record what kubectl sends: plays commands against an embedded API server and keeps each request that writes.

    python tests/data/kubectl/record.py

writes one `NN-name.json` a command beside this file. Kept are method, path, query, content type, body (base64) and the
status that answered; no header that tells of the machine. Run it after adding a command to `COMMANDS`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import tempfile
from pathlib import Path

from pylb.embedded.certificate import make
from pylb.embedded.messages import Request, Response
from pylb.embedded.server import Options, Server, serve

HERE = Path(__file__).parent
SEEDS = HERE.parent / "seeds"
LIMIT = 60.0  # seconds for one command

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: typed, namespace: kube-verify, labels: {app: typed}}
spec:
  replicas: 2
  selector: {matchLabels: {app: typed}}
  template:
    metadata: {labels: {app: typed}}
    spec:
      containers:
      - name: web
        image: registry.example/web:1
        ports: [{containerPort: 8080}]
"""
NODES = "\n---\n".join(f"apiVersion: v1\nkind: Node\nmetadata: {{name: n{i}}}" for i in (1, 2, 3))
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: plain, namespace: default}
spec: {type: LoadBalancer, selector: {app: plain}, ports: [{port: 80, targetPort: 8080}]}
"""
DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.io}
spec:
  group: example.io
  scope: Namespaced
  names: {plural: widgets, kind: Widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, required: [size], properties: {size: {type: integer}, note: {type: string}}}
"""
WIDGET = """
apiVersion: example.io/v1
kind: Widget
metadata: {name: w, namespace: default}
spec: {size: 3}
"""

# name of the file, command, standard input
COMMANDS: list[tuple[str, str, str]] = [
    ("create-nodes", "create -f -", NODES),
    ("create-namespace", "create namespace metallb-system", ""),
    ("create-ns", "create ns kube-verify", ""),
    ("create-secret", "create secret generic -n metallb-system memberlist --from-literal=secretkey=c2VjcmV0", ""),
    ("create-configmap", "create configmap -n metallb-system extra --from-literal=a=b", ""),
    ("create-serviceaccount", "create serviceaccount -n metallb-system extra", ""),
    ("create-file-configmap", "create -f -", (SEEDS / "000-configmap-cidr.yaml").read_text()),
    ("create-file-deployment", "create -f -", DEPLOYMENT),
    ("apply-verify", "apply -f -", (SEEDS / "000-kube-verify.yaml").read_text()),
    ("apply-verify-again", "apply -f -", (SEEDS / "000-kube-verify.yaml").read_text().replace("8080", "8081")),
    ("expose", "expose deployment typed -n kube-verify --type=LoadBalancer --target-port=8080 --port=80", ""),
    ("create-deploy", "create deploy nginx --image=nginx --port=80", ""),
    ("expose-port", "expose deploy nginx --port 8080 --target-port 80 --type LoadBalancer", ""),
    ("expose-name", "expose deploy nginx --name nginx-80 --port 80 --type LoadBalancer", ""),
    ("run", "run lone --image nginx --port 80", ""),
    ("create-service", "create service loadbalancer made --tcp=80:8080", ""),
    ("scale", "scale deploy/nginx --replicas=3", ""),
    ("scale-from", "scale deploy/nginx --replicas=2 --current-replicas=3", ""),
    ("label", "label svc/nginx colour=red", ""),
    ("annotate", "annotate svc/nginx metallb.universe.tf/allow-shared-ip=key", ""),
    (
        "patch-strategic",
        """patch svc nginx -p {"spec":{"ports":[{"port":443,"name":"s"},{"port":8080,"name":"h"}]}}""",
        "",
    ),
    ("patch-merge", """patch svc nginx --type merge -p {"spec":{"externalTrafficPolicy":"Local"}}""", ""),
    ("patch-json", """patch svc nginx --type json -p [{"op":"add","path":"/metadata/labels/b","value":"c"}]""", ""),
    (
        "patch-status",
        """patch svc nginx --subresource status --type merge -p {"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.7"}]}}}""",
        "",
    ),
    ("create-plain", "create -f -", SERVICE),
    ("replace", "replace -f -", SERVICE.replace("port: 80,", "port: 81,")),
    ("apply-server-side", "apply --server-side -f -", SERVICE.replace("plain", "served")),
    ("set-image", "set image deploy/nginx nginx=nginx:2", ""),
    ("apply-definition", "apply -f -", DEFINITION),
    ("apply-widget", "apply -f -", WIDGET),
    ("apply-widget-wrong", "apply -f -", WIDGET.replace("size: 3", "size: big")),
    ("apply-widget-unknown", "apply -f -", WIDGET.replace("size: 3", "size: 3, colour: red")),
    ("patch-widget", """patch widgets.example.io w --type merge -p {"spec":{"note":"x"}}""", ""),
    ("can-i", "auth can-i create deployments", ""),
    ("cordon", "cordon n1", ""),
    ("delete-service", "delete svc made", ""),
    ("delete-namespace", "delete ns kube-verify", ""),
]


class Tape:
    """Stands before the server's handler and keeps the requests that write."""

    def __init__(self, server: Server) -> None:
        self._next, server.handler = server.handler, self
        self.requests: list[dict[str, object]] = []

    async def __call__(self, request: Request) -> Response:
        response = await self._next(request)
        if request.method != "GET":
            self.requests.append(
                {
                    "method": request.method,
                    "target": request.target,
                    "content_type": request.headers.get("content-type", ""),
                    "body": base64.b64encode(request.body).decode(),
                    "status": response.status,
                }
            )
        return response


async def play(command: list[str], text: str, home: Path) -> tuple[int, str]:
    """Run kubectl; returns its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *("kubectl", *command),
        env={"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(home / "config")},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await asyncio.wait_for(process.communicate(text.encode()), LIMIT)
    return process.returncode or 0, out.decode()


def kubeconfig(home: Path, server: Server, authority: Path) -> None:
    """A kubeconfig for the server."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server.url, "certificate-authority": str(authority)}}],
        "users": [{"name": "u", "user": {"token": server.token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    (home / "config").write_text(json.dumps(config))


async def record(home: Path) -> None:
    """Play all commands in order and write what was sent."""
    cert, key = make(home, ["127.0.0.1"])
    async with serve(Options(token="recorded", tls_cert=str(cert), tls_key=str(key))) as server:
        kubeconfig(home, server, cert)
        for number, (name, command, text) in enumerate(COMMANDS):
            tape = Tape(server)
            code, out = await play(command.split(), text, home)
            server.handler = server.api
            kept = {"command": command.split(), "stdin": text, "exit": code, "printed": out, "requests": tape.requests}
            (HERE / f"{number:02}-{name}.json").write_text(json.dumps(kept, indent=1) + "\n")
            print(f"{name}: exit {code}, {len(tape.requests)} requests")
        if server.api.problems:
            sys.exit("\n".join(server.api.problems))


if __name__ == "__main__":
    for old in HERE.glob("*.json"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(record(Path(folder)))

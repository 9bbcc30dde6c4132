"""The programs of the cluster as data: where they lie, and their command lines. Pure.

Each flag is one that the cluster was seen not to start, or not to be fast, without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pylb.lab.plan import API_PORT, PODS, PODS6, SERVICES, Host

SERVICES6 = "fd96::/112"
SERVICE_NETWORKS = f"{SERVICES},{SERVICES6}"
HEALTH_PORT = 10256  # of a kube-proxy
PROXY_MODES = ("nftables", "iptables")
SMALL = {"GOGC": "50"}  # a third less memory for a few percent of CPU
MONITOR_PERIOD_S, MONITOR_GRACE_S = 2, 16  # kube-controller-manager: a silent node is NotReady; the default is 50 s


@dataclass(frozen=True, slots=True)
class Files:
    """Where the files of a cluster lie: `home` goes with it, `programs` stay on the machine."""

    home: Path
    programs: Path

    @property
    def certificate(self) -> Path:
        """The API server's, its own authority."""
        return self.home / "api.crt"

    @property
    def certificate_key(self) -> Path:
        return self.home / "api.key"

    @property
    def accounts_key(self) -> Path:
        """What service account tokens are signed with."""
        return self.home / "accounts.key"

    @property
    def tokens(self) -> Path:
        return self.home / "tokens.csv"

    @property
    def audit_policy(self) -> Path:
        return self.home / "audit.json"

    @property
    def audit_log(self) -> Path:
        """One JSON object a request of pylb's own accounts."""
        return self.home / "logs" / "audit.log"

    @property
    def api_ready(self) -> Path:
        """Stands as soon as kubelets may start."""
        return self.home / "api-ready"

    @property
    def etcd_socket(self) -> str:
        return f"unix://{self.home}/etcd.sock"

    def kubeconfig(self, user: str) -> Path:
        """For what runs in the cluster."""
        return self.home / f"{user}.conf"

    def log(self, program: str) -> Path:
        return self.home / "logs" / f"{program}.log"

    def disk(self, node: str) -> Path:
        """What a node keeps when it loses its power."""
        return self.home / "disks" / node


@dataclass(frozen=True, slots=True)
class Program:
    """A program, and what it wants in its environment."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]


def control_plane(files: Files, api: str) -> list[Program]:
    """The programs beside the nodes; each after those that it needs."""
    return [_etcd(files), _api_server(files, api), _controllers(files), _scheduler(files)]


def _program(files: Files, name: str, *flags: str, env: Mapping[str, str] | None = None) -> Program:
    return Program(name, (str(files.programs / name), *flags), env or {})


def _etcd(files: Files) -> Program:
    peer = "http://127.0.0.1:2380"
    return _program(
        files,
        "etcd",
        "--name=lan",
        f"--data-dir={files.home}/etcd",
        "--unsafe-no-fsync",
        f"--listen-client-urls={files.etcd_socket}",
        "--advertise-client-urls=http://127.0.0.1:2379",  # a socket cannot be advertised; nobody asks
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=lan={peer}",
        "--log-level=warn",
    )


def _api_server(files: Files, api: str) -> Program:
    return _program(
        files,
        "kube-apiserver",
        f"--etcd-servers={files.etcd_socket}",
        f"--bind-address={api}",
        f"--advertise-address={api}",
        f"--secure-port={API_PORT}",
        f"--tls-cert-file={files.certificate}",
        f"--tls-private-key-file={files.certificate_key}",
        f"--token-auth-file={files.tokens}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--service-cluster-ip-range={SERVICE_NETWORKS}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={files.accounts_key}",
        f"--service-account-signing-key-file={files.accounts_key}",
        "--allow-privileged",
        "--enable-aggregator-routing",  # webhooks are dialled at their pods: no kube-proxy is needed here
        "--kubelet-preferred-address-types=InternalIP",
        "--endpoint-reconciler-type=master-count",
        f"--audit-policy-file={files.audit_policy}",
        f"--audit-log-path={files.audit_log}",
        "--audit-log-mode=batch",  # not in the way of requests; written each second
        "--audit-log-batch-max-wait=1s",
        "--profiling=false",
    )


def _controllers(files: Files) -> Program:
    return _program(
        files,
        "kube-controller-manager",
        f"--kubeconfig={files.kubeconfig('admin')}",
        "--secure-port=0",
        "--leader-elect=false",
        f"--service-account-private-key-file={files.accounts_key}",
        f"--root-ca-file={files.certificate}",
        f"--node-monitor-period={MONITOR_PERIOD_S}s",
        f"--node-monitor-grace-period={MONITOR_GRACE_S}s",
        "--controllers=*,-node-ipam-controller,-node-route-controller,-service-lb-controller",
        env=SMALL,
    )


def _scheduler(files: Files) -> Program:
    words = (f"--kubeconfig={files.kubeconfig('scheduler')}", "--secure-port=0", "--leader-elect=false")
    return _program(files, "kube-scheduler", *words, env=SMALL)


def node(files: Files, host: Host, proxy_mode: str) -> dict[str, tuple[str, ...]]:
    """The command lines of a node's programs by name, in the order of their start."""
    programs, etc = files.programs, files.disk(host.name)
    return {
        "containerd": (str(programs / "containerd"), "--config", f"{etc}/containerd.toml", "--log-level", "warn"),
        "kube-proxy": (
            str(programs / "kube-proxy"),
            f"--kubeconfig={files.kubeconfig(f'{host.name}-proxy')}",
            f"--hostname-override={host.name}",
            f"--proxy-mode={proxy_mode}",
            f"--cluster-cidr={PODS},{PODS6}",
            "--conntrack-max-per-core=0",  # the machine's, not a namespace's
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
            f"--healthz-bind-address=0.0.0.0:{HEALTH_PORT}",
            "--metrics-bind-address=127.0.0.1:10249",
        ),
        "kubelet": (
            str(programs / "kubelet"),
            f"--kubeconfig={files.kubeconfig(host.name)}",
            f"--config={etc}/kubelet.json",
            f"--hostname-override={host.name}",
            f"--node-ip={host.lan},{host.lan6}",
            "--v=1",
        ),
    }

"""The configuration files of the cluster's programs. Pure; text out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pylb.lab.plan import Host

PAUSE = "pylb.test/pause:1"  # holds the namespaces of each pod
STAND_IN = "pylb.test/stand-in:1"  # what every unknown image is
RECORDED = ("pylb-controller", "pylb-speaker")  # accounts whose requests are recorded
CNI_FOLDER, REGISTRIES = "/etc/cni/net.d", "/etc/containerd/certs.d"

_CONTAINERD = """version = 3
root = '/var/lib/containerd'
state = '/run/containerd'
disabled_plugins = ['io.containerd.internal.v1.opt', 'io.containerd.nri.v1.nri', 'io.containerd.snapshotter.v1.blockfile',
  'io.containerd.snapshotter.v1.btrfs', 'io.containerd.snapshotter.v1.devmapper', 'io.containerd.snapshotter.v1.zfs',
  'io.containerd.snapshotter.v1.erofs', 'io.containerd.differ.v1.erofs', 'io.containerd.tracing.processor.v1.otlp']
[grpc]
address = '/run/containerd/containerd.sock'
[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true  # the machine may withhold CAP_SYS_RESOURCE
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '{pause}'
[plugins.'io.containerd.cri.v1.images'.registry]
config_path = '{registries}'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = '{runc}'
SystemdCgroup = false
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ['{plugins}']
conf_dir = '{cni}'
use_internal_loopback = true
"""


def containerd(runc: str, plugins: str) -> str:
    """containerd 2's configuration; `plugins` is the folder of the CNI plugins."""
    return _CONTAINERD.format(pause=PAUSE, registries=REGISTRIES, runc=runc, plugins=plugins, cni=CNI_FOLDER)


def registry(server: str) -> str:
    """hosts.toml for all registries: images come from `server`, whatever registry their names tell."""
    return f"[host.'{server}']\n  capabilities = ['pull', 'resolve']\n"


def pod_network(host: Host) -> str:
    """The CNI configuration of a node: a bridge, no masquerade; routes between nodes are the lab's."""
    ranges = [[{"subnet": str(net)}] for net in (host.pods, host.pods6)]
    ipam = {
        "type": "host-local",
        "ranges": ranges,
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
        "dataDir": "/run/cni-ipam",  # forgotten with the power: no pod survives that
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipam": ipam}
    return json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge]})


def kubelet(cgroup: str) -> str:
    """The kubelet's configuration; `cgroup` is a group of the node's own, in every hierarchy."""
    return json.dumps(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            # reachable in the cluster's own networks alone
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": cgroup,
            "failCgroupV1": False,
            "failSwapOn": False,
            "makeIPTablesUtilChains": False,
            "localStorageCapacityIsolation": False,
            # the disk and the memory are the machine's: nothing is evicted, no image collected
            "evictionHard": dict.fromkeys(
                (
                    "memory.available",
                    "nodefs.available",
                    "nodefs.inodesFree",
                    "imagefs.available",
                    "imagefs.inodesFree",
                ),
                "0%",
            ),
            "imageGCHighThresholdPercent": 100,
            "resolvConf": "",
            "syncFrequency": "10s",
            "nodeStatusUpdateFrequency": "5s",
            "fileCheckFrequency": "0s",
            "httpCheckFrequency": "0s",
            "volumePluginDir": "/var/lib/kubelet/volumeplugins",
            "maxPods": 60,
            "shutdownGracePeriod": "0s",
            "logging": {"format": "text"},
        }
    )


def users(nodes: Iterable[str]) -> dict[str, tuple[str, str]]:
    """(user, group) by the name of each kubeconfig. The Node authorizer knows nodes by these names."""
    found = {"admin": ("admin", "system:masters"), "scheduler": ("system:kube-scheduler", "")}
    for node in nodes:
        found[node] = (f"system:node:{node}", "system:nodes")
        found[f"{node}-proxy"] = ("system:kube-proxy", "")
    return found


def tokens(given: dict[str, str], known: dict[str, tuple[str, str]]) -> str:
    """kube-apiserver's static token file: `given` tokens by the names that `users` has."""
    return "".join(f'{given[name]},{user},{name},"{group}"\n' for name, (user, group) in known.items())


def audit_policy() -> str:
    """Record what pylb's accounts ask for, and nothing of others."""
    accounts = [f"system:serviceaccount:pylb-system:{name}" for name in RECORDED]
    rules: list[dict[str, Any]] = [{"level": "Metadata", "users": accounts}, {"level": "None"}]
    return json.dumps(
        {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules}
    )

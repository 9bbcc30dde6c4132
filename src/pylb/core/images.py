"""Names of container images, as a container runtime completes them.

Distribution's reference grammar, and what `docker` and `ctr` make of short names; nothing here knows a registry.
"""

from __future__ import annotations

DOMAIN, LIBRARY, LATEST = "docker.io", "library", "latest"  # what stands in for what a name leaves out


def split(name: str) -> tuple[str, str]:
    """(registry, the rest); the registry is "" where the name has none."""
    first, slash, rest = name.partition("/")
    has_domain = bool(slash) and (any(mark in first for mark in ".:") or first == "localhost")
    return (first, rest) if has_domain else ("", name)


def full_name(name: str) -> str:
    """The name that a container runtime knows an image by: with registry, path, and tag or digest."""
    domain, path = split(name)
    if not domain:
        domain, path = DOMAIN, path if "/" in path else f"{LIBRARY}/{path}"
    last = path.rpartition("/")[2]
    return f"{domain}/{path}" if any(mark in last for mark in ":@") else f"{domain}/{path}:{LATEST}"

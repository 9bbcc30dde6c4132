"""MetalLB's own figures, as references: what its v0.16.2 showed in a LAN of namespaces on a real Kubernetes."""

from __future__ import annotations

from bench.report import Reference

NAME = "MetalLB v0.16.2, measured 2026-11-20 on 2 cores"


def metallb(value: float) -> Reference:
    """A value of that measurement, in the figure's own unit."""
    return Reference(NAME, value)

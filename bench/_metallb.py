"""MetalLB's figures, as references: those of the same run where its programs are at hand, else what was recorded of its
v0.16.2 in a LAN of namespaces on a real Kubernetes. Nothing here fetches or builds it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.report import Reference

NAME = "MetalLB v0.16.2, measured 2026-11-20 on 2 cores"
NOW = "MetalLB in this run"
PROGRAMS = ("controller", "speaker")

Sources = Callable[[str], Reference]


def metallb(value: float) -> Reference:
    """A value of that measurement, in the figure's own unit."""
    return Reference(NAME, value)


def sources(recorded: Mapping[str, float], measured: Mapping[str, float]) -> Sources:
    """What to hold a figure against, by its key: what this run says of the peer, or what was recorded."""

    def refer(key: str) -> Reference:
        return Reference(NOW, measured[key]) if key in measured else metallb(recorded[key])

    return refer


def peer_folder(text: str) -> Path | None:
    """The folder of MetalLB's programs that an option, or PEER in the environment, names; None for ""."""
    if not text:
        return None
    folder = Path(text).resolve()
    lacking = [name for name in PROGRAMS if not os.access(folder / name, os.X_OK)]
    if lacking:
        raise argparse.ArgumentTypeError(f"PEER={text}: no program {' and no '.join(lacking)} in it")
    return folder

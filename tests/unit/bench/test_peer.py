"""How a peer's programs are found, started and held against: no program is run."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from bench import _peer
from bench._metallb import NAME, NOW, peer_folder, sources
from bench.report import Reference


def programs(folder: Path, *names: str) -> str:
    for name in names:
        (folder / name).touch(mode=0o755)
    return str(folder)


def test_a_folder_needs_both_programs(tmp_path: Path) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no program speaker in it"):
        peer_folder(programs(tmp_path, "controller"))
    assert peer_folder(programs(tmp_path, "speaker")) == tmp_path
    assert peer_folder("") is None


def test_a_figure_is_held_against_this_run_where_it_has_one() -> None:
    refer = sources({"a": 1.0, "b": 2.0}, {"b": 3.0})
    assert (refer("a"), refer("b")) == (Reference(NAME, 1.0), Reference(NOW, 3.0))


def test_the_controllers_command_line() -> None:
    """As its v0.16.2 ran when the recorded figures were taken."""
    words = " ".join(_peer.controller(Path("/peer")))
    assert words == (
        "/peer/controller --namespace metallb-system --pod-name controller-0 --webhook-mode disabled"
        " --port 9120 --health-probe-port 17472 --log-level info"
    )


def test_a_speakers_command_line() -> None:
    words = " ".join(_peer.speaker(Path("/peer"), "n2", "10.77.0.22"))
    assert words == (
        "/peer/speaker --namespace metallb-system --node-name n2 --pod-name speaker-n2 --ml-bindaddr 10.77.0.22"
        " --ml-labels app=metallb,component=speaker --port 9121 --log-level info"
    )


def test_its_accounts_are_ours_so_that_their_writes_are_counted() -> None:
    assert _peer.environment(Path("/home/-"), "pylb-speaker") == [
        "env",
        "KUBECONFIG=/home/pylb-speaker",
        "METALLB_BGP_TYPE=native",
    ]
    outer = {"clusters": [{"cluster": {"server": "https://127.0.0.1:1", "x": 1}}], "users": [{"user": {"token": "a"}}]}
    made = _peer.kubeconfig(outer, "t")
    assert made["clusters"] == [{"cluster": {"server": _peer.MANAGEMENT_API, "x": 1}}]
    assert made["users"] == [{"user": {"token": "t"}}]
    assert outer["users"] == [{"user": {"token": "a"}}]


def test_its_speakers_find_each_other_by_their_pods_labels() -> None:
    pod = _peer.stand_in("speaker", "speaker-n1", "n1")
    assert pod["metadata"]["labels"] == {"app": "metallb", "component": "speaker"}
    assert pod["spec"]["nodeName"] == "n1"
    assert pod["spec"]["hostNetwork"]

"""The installer asks a real LAN who is there: by raw socket, through the kernel without that right, and where it cannot."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pylb.lab.client import Lab

ROOT = Path(__file__).parents[2]
SURVEYOR = Path(__file__).parents[1] / "fakes" / "surveyor.py"
WITHOUT_RAW = ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw")
VIRTUAL = "10.77.0.240"  # what a keepalived on n3 holds


@pytest.fixture(scope="module")
def lan(bare_lab: Lab) -> Iterator[Lab]:
    """The bare LAN, with one more address on n3."""
    assert bare_lab.exec("n3", ["ip", "address", "add", f"{VIRTUAL}/32", "dev", "eth0"]).returncode == 0
    try:
        yield bare_lab
    finally:
        bare_lab.exec("n3", ["ip", "address", "del", f"{VIRTUAL}/32", "dev", "eth0"])


def ask(lab: Lab, span: str, *how: str, host: str = "n1") -> dict[str, Any]:
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); import runpy; runpy.run_path({str(SURVEYOR)!r}, run_name='__main__')"
    done = lab.exec(host, [*how, sys.executable, "-c", code, span])
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def everybody(lab: Lab, but: str) -> dict[str, str]:
    hosts = {info["lan"]: info["mac"] for name, info in lab.hosts.items() if name != but}
    return {**hosts, VIRTUAL: lab.hosts["n3"]["mac"]}


@pytest.mark.parametrize("how", [(), WITHOUT_RAW], ids=["raw socket", "through the kernel"])
def test_everybody_on_the_lan_is_found_with_the_mac(lan: Lab, how: tuple[str, ...]) -> None:
    for host in lan.hosts:  # nothing remembered from another test
        lan.exec(host, ["ip", "neighbour", "flush", "dev", "eth0"])
    told = ask(lan, "10.77.0.0/24", *how)
    assert told["answers"] == everybody(lan, "n1")
    assert told["obstacle"] == ""


def test_the_gateway_and_the_subnet_are_seen(lan: Lab) -> None:
    told = ask(lan, "10.77.0.240-10.77.0.250")
    assert lan.hosts["router"]["lan"] in told["gateways"]
    assert f"{lan.hosts['n1']['lan']}/24" in told["home"]
    assert told["answers"] == {VIRTUAL: lan.hosts["n3"]["mac"]}


def test_ipv6_neighbours_are_found_through_the_kernel(lan: Lab) -> None:
    addresses = {name: info["lan6"].partition("/")[0] for name, info in lan.hosts.items() if info.get("lan6")}
    span = f"{addresses['n1']}-{addresses['n3']}"
    told = ask(lan, span)
    assert told["answers"] == {addresses[one]: lan.hosts[one]["mac"] for one in ("n2", "n3")}


@pytest.mark.parametrize(
    ("span", "why"),
    [
        ("192.0.2.0/28", "this machine is not on that network"),
        ("10.77.0.250-10.77.1.9", "this machine is not on that network"),
    ],
)
def test_where_it_cannot_ask_it_says_so(lan: Lab, span: str, why: str) -> None:
    told = ask(lan, span)
    assert (told["answers"], told["obstacle"]) == ({}, why)


def test_a_network_without_neighbours_is_no_error(lan: Lab) -> None:
    lan.cut("n1")
    try:
        assert ask(lan, "10.77.0.0/24")["answers"] == {}
    finally:
        lan.mend("n1")

"""`pylb.tui.probe` on real wires: who answers for an address, from the client, with and without the rights of root."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from pylb.lab.client import Lab

LOOK = """
import asyncio, concurrent.futures.thread, encodings.idna, json, os, sys  # nobody may read where Python lies
from pylb.core.model import Port
from pylb.tui import probe
if sys.argv[1] == "nobody":
    os.setgid(65534); os.setuid(65534)
for address in sys.argv[2:]:
    ports = [Port("TCP", 9999), Port("UDP", 53)]
    seen = asyncio.run(probe.look(address, ports, {}))
    answers = [str(answer) for _, answer in seen.answers]
    print(json.dumps([seen.macs, seen.vantage.interface, seen.vantage.gateway, seen.vantage.obstacle, answers, seen.took, seen.confirmed]))
"""
LIMIT_S = 7.0  # a look takes 4.5 s, an interpreter that starts on a busy machine some more


def look(lab: Lab, who: str, *addresses: str) -> list[list[Any]]:
    """What a look at each address from the client says."""
    argv = [sys.executable, "-c", LOOK, who, *addresses]
    done = lab.exec("client", argv, timeout=30.0 + LIMIT_S * len(addresses))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("who", ["root", "nobody"])
def test_who_answers_and_who_does_not(bare_lab: Lab, who: str) -> None:
    node = bare_lab.hosts["n1"]
    dead = node["lan"].rsplit(".", 1)[0] + ".250"
    there, nobody = look(bare_lab, who, node["lan"], dead)
    assert there[:4] == [[node["mac"]], "eth0", "", ""]
    assert there[4] == ["refused", "untried"]
    assert there[6] is True
    assert nobody[:4] == [[], "eth0", "", ""]
    assert nobody[4][0] == "silent"
    assert nobody[5] < LIMIT_S


def test_a_second_mac_is_heard_where_rights_allow(bare_lab: Lab) -> None:
    """Two hosts with one address: the kernel would believe the first, who listens hears both."""
    shared = bare_lab.hosts["n1"]["lan"].rsplit(".", 1)[0] + ".249"
    for node in ("n1", "n2"):
        assert bare_lab.exec(node, ["ip", "addr", "add", f"{shared}/24", "dev", "eth0"]).returncode == 0
    try:
        (seen,) = look(bare_lab, "root", shared)
        assert sorted(seen[0]) == sorted(bare_lab.hosts[node]["mac"] for node in ("n1", "n2"))
    finally:
        for node in ("n1", "n2"):
            bare_lab.exec(node, ["ip", "addr", "del", f"{shared}/24", "dev", "eth0"])


def test_neighbours_of_ipv6(bare_lab: Lab) -> None:
    told = bare_lab.exec("n1", ["ip", "-6", "-json", "addr", "show", "dev", "eth0", "scope", "global"])
    (address, *_) = [
        one["local"] for entry in json.loads(told.stdout) for one in entry.get("addr_info", ()) if one.get("local")
    ]
    (seen,) = look(bare_lab, "nobody", address)
    assert seen[0] == [bare_lab.hosts["n1"]["mac"]]


def test_an_address_of_our_own(bare_lab: Lab) -> None:
    client = bare_lab.hosts["client"]["lan"]
    (own,) = look(bare_lab, "nobody", client)
    assert own[3] == "this host itself has the address"

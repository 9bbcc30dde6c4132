"""Where namespaces are refused, the first line says why and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from pylb.lab import sandbox
from pylb.lab.errors import NoNamespaces

UIDMAP = "unshare: write failed /proc/self/uid_map: Operation not permitted"


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An ordinary user on a machine whose settings are files in this folder."""
    monkeypatch.setattr(sandbox.os, "geteuid", lambda: 1000)
    for name in ("_APPARMOR", "_LIMIT", "_DEBIAN"):
        monkeypatch.setattr(sandbox, name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "content", "texts"),
    [
        (
            "_APPARMOR",
            "1\n",
            ["Ubuntu 23.10", "run it with sudo", "'userns,'", "apparmor_restrict_unprivileged_userns=0"],
        ),
        ("_DEBIAN", "0\n", ["run it with sudo", "kernel.unprivileged_userns_clone=1"]),
        ("_LIMIT", "0\n", ["run it with sudo", "user.max_user_namespaces=15000"]),
        ("other", "", ["run it with sudo"]),
    ],
)
def test_the_cause_and_the_ways_out(user: Path, file: str, content: str, texts: list[str]) -> None:
    (user / file).write_text(content)
    told = sandbox.explain(UIDMAP + "\nmore")
    assert told.startswith(f"no namespaces for a lab ({UIDMAP}): ")
    assert "\n" not in told
    for text in texts:
        assert text in told


def test_root_without_the_right_is_told_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.os, "geteuid", lambda: 0)
    assert "capabilities SYS_ADMIN and NET_ADMIN" in sandbox.explain("unshare: unshare failed: Operation not permitted")


def test_missing_programs_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.shutil, "which", lambda tool, path: None if tool in ("nft", "ip") else f"/bin/{tool}")
    with pytest.raises(NoNamespaces, match="the lab needs iproute2, nftables: apt-get install iproute2 nftables"):
        sandbox.way()


@pytest.mark.parametrize(("uid", "tried"), [(0, ["", "unchanged", "--user"]), (1000, ["--user"])])
def test_root_tries_without_a_user_namespace_first(monkeypatch: pytest.MonkeyPatch, uid: int, tried: list[str]) -> None:
    seen: list[str] = []

    def refuse(way: sandbox.Way) -> str:
        seen.append(next((word for word in ("unchanged", "--user") if word in way.options), ""))
        return "no"

    monkeypatch.setattr(sandbox.shutil, "which", lambda tool, path: tool)
    monkeypatch.setattr(sandbox.os, "geteuid", lambda: uid)
    monkeypatch.setattr(sandbox, "_try", refuse)
    with pytest.raises(NoNamespaces):
        sandbox.way()
    assert seen == tried


def test_the_command_dies_with_whoever_started_it() -> None:
    assert sandbox.USER.command[:3] == ["setpriv", "--pdeathsig", "KILL"]
    assert "--kill-child" in sandbox.USER.command
    assert "--user" not in sandbox.ROOT.command

"""What people type wrongly at `pylb import` and `pylb export`: one line that names it, and nothing is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fakes.importing import CONFIG, HEAD, Place, placed


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with placed(tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param("", "the file is empty", id="empty"),
        pytest.param(b"\x7fELF\x00\xff\xfe", "is it a manifest?", id="binary"),
        pytest.param(b"a: 1\n" * 2_500_000, "larger than 4 MiB", id="large"),
        pytest.param("a: [", "no YAML: ", id="no YAML"),
        pytest.param("kind: Secret\napiVersion: v1\nmetadata: {name: x}\n", "it has Secret", id="Secret"),
        pytest.param("some: thing\n", "neither a ConfigMap nor the content of one", id="other"),
        pytest.param(HEAD + "data: {other: x}\n", "no ConfigMap with data.config", id="without data.config"),
        pytest.param(HEAD + "data:\n  config: |\n    a: [\n", "old.yaml:7: data.config is not YAML", id="no YAML inside"),
        pytest.param(HEAD + "data:\n  config: ''\n", "configures nothing", id="nothing inside"),
        pytest.param(HEAD + "data:\n  config: " + "'" + "[" * 9_000 + "'\n", "nested too deeply", id="deep inside"),
        pytest.param(HEAD + f"data: {{config: '{'a' * 70_000}'}}\n", "65536 are read at most", id="64 KiB"),
        pytest.param(
            HEAD + "data:\n  config: |\n    a0: &a0 [x]\n"
            + "".join(f"    a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 60)),
            "aliases would make it larger", id="alias bomb",
        ),
        pytest.param(
            "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: a}\n", "kubectl apply -f takes", id="new"
        ),
        pytest.param(HEAD + "data: {config: a}\n---\n" + HEAD + "data: {config: b}\n", "several ConfigMaps", id="two"),
    ],
)  # fmt: skip
async def test_bad_input_is_one_line_and_2(place: Place, content: str | bytes, says: str) -> None:
    result = await place.run("import", place.file(content), "--apply")
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert len(result.stderr) < 600


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["import"], 2, "name either a FILE"),
        (["import", "/no/such/file"], 2, "/no/such/file cannot be read: No such file or directory"),
        (["import", "--from-cluster", "--remove-configmap"], 2, "goes with --apply"),
        (["import", "--from-cluster", "--apply", "-o", "yaml"], 2, "leave out --apply"),
        (["import", "--from-cluster"], 2, "the cluster has no ConfigMap pylb-system/config or metallb-system/config"),
        (["export", "--file", "/no/such/folder/x"], 2, "cannot be written: No such file or directory"),
    ],
)
async def test_wrong_words(place: Place, words: list[str], code: int, says: str) -> None:
    result = await place.run(*words)
    assert result.exit_code == code
    assert says in result.stderr


async def test_without_a_cluster_it_is_3(place: Place) -> None:
    path = place.file(CONFIG)
    place.lose()
    assert (await place.run("import", path)).exit_code == 3
    assert (await place.run("export")).exit_code == 3


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["import", "--from-cluster"], "configmaps"),
        (["export"], "services"),
        (["export"], "configmaps/pylb-memory"),
        (["export"], "ipaddresspools"),
    ],
)
async def test_without_the_right_to_read_the_role_is_named(place: Place, words: list[str], kind: str) -> None:
    place.server.faults.fail_next(100, 403, f"GET .*{kind}")
    result = await place.run(*words)
    assert result.exit_code == 3
    assert result.stderr.startswith("Error: the cluster lets no ")
    assert " be read: bind yourself to the ClusterRole pylb-viewer (" in result.stderr
    assert result.stderr.count("\n") == 1


async def test_without_the_right_to_write_nothing_is_changed_and_a_role_is_named(place: Place) -> None:
    place.server.faults.fail_next(100, 403, "PATCH .*")
    result = await place.run("import", place.file(CONFIG), "--apply")
    assert result.exit_code == 1
    assert "; bind yourself to a ClusterRole that may create and patch objects of metallb.io" in result.stderr
    assert "Nothing was changed." in result.stderr

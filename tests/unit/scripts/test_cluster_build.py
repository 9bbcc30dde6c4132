"""Which programs of the test cluster are built, and which are found: a key over all that goes in decides.

Run on a copy of the folder, with a `go` of our own first on PATH: it writes down what it is asked for, and makes an
empty file for each program.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LIMIT_S = 30
GO = """#!/bin/bash
printf '%s\\n' "$*" >>"$FAKE/asked"
case $1 in
  env) if [ "$2 $3" = "GOVERSION GOARCH" ]; then cat "$FAKE/go"; else head -n 1 "$FAKE/go"; fi ;;
  list) echo v1.2.3 ;;
  build)
    while [ "$1" != -o ]; do shift; done
    if [ "${2%/}" = "$2" ]; then touch "$2"; else touch "$2/${!###*/}"; fi
    if [ -p "$FAKE/halt" ]; then echo here >"$FAKE/halt"; read -r <"$FAKE/halt"; fi
    [ ! -e "$FAKE/broken" ] ;;
esac
"""


@dataclass(frozen=True)
class Place:
    """A checkout with the build in it, its cache, and what the fake go goes by."""

    home: Path

    @property
    def cluster(self) -> Path:
        return self.home / "tests" / "cluster"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.home / 'bin'}:{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(self.home), "FAKE": str(self.home), "PYLB_CLUSTER_CACHE": str(self.cache)}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.cluster / "build", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, rc: int = 0) -> tuple[str, str]:
        """Both outputs of a build that ends like this."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=LIMIT_S)
        assert process.returncode == rc, err
        return out, err

    def folders(self) -> set[str]:
        return {path.name for path in self.cache.iterdir() if not path.name.startswith(".")}

    def compiled(self) -> int:
        """How many programs go was asked to compile."""
        return sum(line.startswith("build ") for line in (self.home / "asked").read_text().splitlines())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    for name in ("scripts/step", "tests/cluster/build", "tests/cluster/binaries", "tests/cluster/runtime"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name)
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "go").write_text(GO)
    (tmp_path / "bin" / "go").chmod(0o755)
    (tmp_path / "go").write_text("go1.99.0\namd64\n")
    return made


def test_the_folder_is_the_only_thing_on_stdout_and_is_whole(place: Place) -> None:
    out, err = place.run()
    [line] = out.splitlines()
    names = {path.relative_to(line).as_posix() for path in Path(line).rglob("*") if not path.is_dir()}
    assert {"kube", "pod", "ctr", "cni/host-local"} <= names
    assert {"etcd", "kubectl", "kubelet"} <= {name for name in names if Path(line, name).is_symlink()}
    assert Path(line).parent == place.cache
    assert " ok " in err


def test_nothing_is_compiled_twice(place: Place) -> None:
    first, _ = place.run()
    compiled = place.compiled()
    assert place.run() == (first, "")
    assert place.run("--where") == (first, "")
    assert place.compiled() == compiled


@pytest.mark.parametrize(
    "name",
    [
        "tests/cluster/binaries/go.mod",
        "tests/cluster/binaries/go.sum",
        "tests/cluster/binaries/main.go",
        "tests/cluster/binaries/pod/main.go",
        "tests/cluster/binaries/pod/new.go",
        "tests/cluster/runtime/go.mod",
        "tests/cluster/build",
        "go",
    ],
)
def test_whatever_goes_in_changes_the_key(place: Place, name: str) -> None:
    """The sources, the build itself, and the version of Go."""
    first, _ = place.run()
    changed = place.home / name
    if name == "go":
        changed.write_text("go1.99.1\namd64\n")
    else:
        with changed.open("a") as end:
            end.write("\n")
    _, err = place.run("--where", rc=1)
    assert "not built" in err
    second, _ = place.run()
    assert first != second


def test_what_broke_is_no_build(place: Place) -> None:
    (place.home / "broken").touch()
    _, err = place.run(rc=1)
    assert "FAILED" in err
    assert place.folders() == set()
    (place.home / "broken").unlink()
    place.run()
    assert len(place.folders()) == 1


def halted(place: Place) -> subprocess.Popen[str]:
    """A build that stands still in its first program until somebody writes to `halt`."""
    os.mkfifo(place.home / "halt")
    process = place.start()
    assert (place.home / "halt").read_text() == "here\n"
    return process


def test_what_was_killed_is_no_build(place: Place) -> None:
    with halted(place) as process:
        os.killpg(process.pid, signal.SIGKILL)
    (place.home / "halt").unlink()
    assert place.folders() == set()
    out, _ = place.run()
    assert Path(out.strip(), "kubelet").exists()
    assert not (place.cache / ".making").exists()


def test_two_at_once_compile_once(place: Place) -> None:
    with halted(place) as first, place.start() as second:
        assert second.stderr is not None
        assert "Waiting for another build" in second.stderr.readline()
        fifo = place.home / "halt"
        halt = fifo.open("w")  # the fake go is reading
        fifo.unlink()  # the next programs do not stop
        with halt:
            halt.write("on\n")
        outs = [process.communicate(timeout=LIMIT_S)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    assert outs[0] == outs[1]
    compiled = place.compiled()
    place.run()
    assert place.compiled() == compiled == 4


def test_sources_that_change_meanwhile_are_no_build(place: Place) -> None:
    """What was compiled would stand under the key of something else."""
    with halted(place) as process:
        (place.cluster / "binaries" / "main.go").write_text("")
        fifo = place.home / "halt"
        with fifo.open("w") as halt:
            fifo.unlink()
            halt.write("on\n")
        _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1
    assert "changed while" in err
    assert place.folders() == set()


def test_two_folders_are_kept_the_last_used_ones(place: Place) -> None:
    names = []
    for number in range(4):
        (place.cluster / "binaries" / "main.go").write_text(f"// {number}\n")
        names.append(Path(place.run()[0].strip()).name)
        age = 1_000_000 + number  # seconds; the file system's clock may be too coarse
        os.utime(place.cache / names[-1], (age, age))
        if number == 2:
            (place.cluster / "binaries" / "main.go").write_text("// 1\n")
            place.run()  # used again, and so newer than the third
    assert place.folders() == {names[1], names[3]}


@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_an_old_go_is_named_with_the_one_that_is_needed(place: Place, arguments: tuple[str, ...]) -> None:
    """In one line, before anything is made."""
    (place.home / "go").write_text("go1.19.8\namd64\n")
    wanted = max(
        tuple(map(int, line.split()[1].split(".")))
        for module in ("binaries", "runtime")
        for line in (place.cluster / module / "go.mod").read_text().splitlines()
        if line.startswith("go ")
    )
    out, err = place.run(*arguments, rc=1)
    assert (out, err.count("\n")) == ("", 1)
    assert "go1.19.8" in err
    assert ".".join(map(str, wanted)) in err
    assert not place.cache.exists()


@pytest.mark.parametrize(
    ("cache", "rc", "told"), [("here", 2, "by its whole path"), ("/proc/here", 1, "cannot be written to")]
)
def test_a_cache_that_will_not_do_is_named(place: Place, cache: str, rc: int, told: str) -> None:
    """In one line: a relative path would mean another folder to each command, and nobody can write below /proc."""
    environment = {**place.environment, "PYLB_CLUSTER_CACHE": cache}
    line = [place.cluster / "build"]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (rc, "", 1)
    assert cache in done.stderr
    assert told in done.stderr


def test_an_unknown_word_is_refused(place: Place) -> None:
    _, err = place.run("--wher", rc=2)
    assert err == "usage: tests/cluster/build [--where | --check]; not --wher\n"

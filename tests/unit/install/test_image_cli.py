"""`python -m pylb.install image`: what was typed wrong is named, with what to type instead, and nothing is fetched."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pylb.install import cli
from pylb.install.image import base, build
from pylb.install.image.errors import ImageFault
from pylb.install.image.oci import Archive


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[build.Request]:
    """What would have been built."""
    requests: list[build.Request] = []

    def stand_in(request: build.Request, say: base.Say) -> build.Built:
        requests.append(request)
        digests = dict.fromkeys(request.architectures, "sha256:2")
        packages = dict.fromkeys(request.architectures, ("zlib1g 1.2",))
        return build.Built(Archive(b"archive", "sha256:1", digests), dict.fromkeys(digests, 13 << 20), packages)

    monkeypatch.setattr(cli, "build", stand_in)
    monkeypatch.setattr(base.platform, "machine", lambda: "aarch64")
    return requests


def run(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(cli.main, ["image", *words], env=environment)


def test_writes_the_archive_and_prints_its_path_alone(asked: list[build.Request], tmp_path: Path) -> None:
    target = tmp_path / "new" / "image.tar"
    done = run("--output", str(target), "--packages", SOURCE_DATE_EPOCH="7")
    assert (done.exit_code, done.stdout) == (0, f"{target}\n")
    assert "arm64: 13.0 MiB, sha256:2" in done.stderr
    assert "  zlib1g 1.2\n" in done.stderr
    assert "docker.io/library/pylb:" in done.stderr
    assert (target.read_bytes(), [path.name for path in target.parent.iterdir()]) == (b"archive", ["image.tar"])
    assert [(one.architectures, one.epoch, one.refresh) for one in asked] == [(("amd64", "arm64"), 7, False)]


@pytest.mark.parametrize(
    ("words", "architectures"),
    [("native", ("arm64",)), ("amd64", ("amd64",)), ("arm64, native,amd64", ("amd64", "arm64"))],
)
def test_architectures(asked: list[build.Request], tmp_path: Path, words: str, architectures: tuple[str, ...]) -> None:
    assert run("--arch", words, "--output", str(tmp_path / "x")).exit_code == 0
    assert asked[0].architectures == architectures


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (["--arch", "armhf"], {}, "'armhf' is none of native, amd64, arm64"),
        (["--arch", ""], {}, "'' is none of"),
        (["--name", "pylb"], {}, "no image name with a tag, such as pylb:1.0"),
        ([], {"SOURCE_DATE_EPOCH": "yesterday"}, "'yesterday', not a number of seconds"),
        (["--output", "/"], {}, "directory"),
    ],
)
def test_wrong_input_is_named(
    asked: list[build.Request], words: list[str], environment: dict[str, str], said: str
) -> None:
    done = run(*words, **environment)
    assert (done.exit_code, asked) == (2, [])
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_machine_of_another_kind(asked: list[build.Request], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base.platform, "machine", lambda: "armv7l")
    done = run("--arch", "native")
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: images are made on x86_64 and aarch64 machines; this one is armv7l\n",
    )


def test_what_cannot_be_made_or_written_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fails(request: build.Request, say: base.Say) -> build.Built:
        raise ImageFault("apt-get update: no network")

    monkeypatch.setattr(cli, "build", fails)
    done = run()
    assert (done.exit_code, done.stderr) == (1, "Error: apt-get update: no network\n")


def test_a_folder_that_cannot_be_written(asked: list[build.Request], tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    done = run("--output", str(tmp_path / "taken" / "x.tar"))
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()[-1:]) == 1
    assert "taken" in done.stderr

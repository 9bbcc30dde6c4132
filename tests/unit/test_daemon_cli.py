"""What people type at `pylb speaker` and `pylb controller`: one line that names the input, and exit code 2."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pylb.controller.cli import controller
from pylb.speaker.cli import speaker

NODE = ("--node", "n1")


@pytest.mark.parametrize(
    ("command", "words", "told"),
    [
        (speaker, (*NODE, "--key-file", "none"), "--key-file: none cannot be read: No such file or directory"),
        (speaker, (*NODE, "--key-file", "empty"), "--key-file: empty is empty"),
        (speaker, (*NODE, "--key-file", "short"), "the key in short is shorter than 8 bytes"),
        (speaker, (*NODE, "--key-file", "long", "--token-file", "none"), "--token-file: none cannot be read"),
        (speaker, (*NODE, "--key-file", "long", "--bind", "eth0"), '--bind: "eth0" is not an IP address'),
        (speaker, (*NODE, "--key-file", "long", "--port", "65536"), "65536 is not in the range"),
        (speaker, (*NODE, "--key-file", "long", "--beat-port", "0"), "0 is not in the range"),
        (controller, ("--token-file", "none"), "--token-file: none cannot be read"),
        (controller, ("--token-file", "empty"), "--token-file: empty is empty"),
        (controller, ("--port", "65536"), "65536 is not in the range"),
    ],
)
def test_wrong_input_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: click.Command, words: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in (("empty", "\n"), ("short", "short"), ("long", "long enough")):
        (tmp_path / name).write_text(content)
    result = CliRunner().invoke(command, words)
    assert (result.exit_code, told in result.output.splitlines()[-1]) == (2, True), result.output

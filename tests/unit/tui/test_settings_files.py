"""The file of settings that a user writes, and what is remembered from one run to the next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pylb.tui import files, keymap, preferences, start
from pylb.tui.cli import tui
from pylb.tui.memory import Kept, Memory
from pylb.tui.pages.catalogue import BY_KEY, EXTRA_KEYS
from pylb.tui.preferences import PreferencesError


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the file of settings is looked for."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "pylb").mkdir()
    return tmp_path / "pylb" / "tui.yaml"


def test_no_file_is_no_wish(path: Path) -> None:
    options = start.prepare(None, None, ascii_only=False)
    assert (options.theme, options.mouse, options.ascii_only, options.keys) == ("", True, False, {})


def test_flags_come_before_the_file(path: Path) -> None:
    path.write_text("theme: pylb-light\nmouse: off\nascii: true\nkeys:\n  app.pause: p,f9\n  list.filter: /\n")
    options = start.prepare(None, None, ascii_only=False)
    assert (options.theme, options.mouse, options.ascii_only) == ("pylb-light", False, True)
    assert options.keys == {"app.pause": "p,f9", "list.filter": "slash"}
    options = start.prepare("pylb-contrast", True, ascii_only=False)
    assert (options.theme, options.mouse) == ("pylb-contrast", True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\ntheme: nope\n", "line 2: theme: 'nope' is no theme; there are pylb-dark, pylb-light, pylb-contrast, "),
        ("colour: red\n", "line 1: 'colour' is no setting; there are theme, mouse, ascii, keys"),
        ("theme: pylb-dark\nmouse: perhaps\n", "line 2: mouse: 'perhaps' is neither true nor false"),
        ("mouse: on\nmouse: off\n", "line 2: 'mouse' stands there twice: take one of them out"),
        ("- theme\n", "line 1: the file must have lines such as  theme: pylb-light"),
        ("keys: [a]\n", "line 1: keys must have lines below it such as  app.pause: p"),
        ("theme: [a]\n", "line 1: theme must be one value, and is several"),
        ("keys:\n  app.pause: p\n  app.paws: x\n", "line 3: 'app.paws' is no command; there are app.back"),
        ("keys:\n  app.pause: ctrl+nope\n", "line 2: 'ctrl+nope' is no key"),
        ("keys:\n  app.pause: q\n", "q would be both app.pause and app.quit"),
        ("keys:\n  app.pause: S\n", "S would be both app.pause and nodes.lose"),
        ("theme: 'x\n", "line 2: this is no YAML (found unexpected end of stream): a setting is a line such as"),
        ("a: &a [*a]\n", "line 1: "),
        ("mouse: on\n\x00", "line 2: a character that no text has: take it out"),
        ("x" * 70_000, "is larger than 65536 bytes"),
        ("[" * 3000, "a setting is a line such as theme: pylb-light"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_exit_code_2(path: Path, text: str, told: str) -> None:
    path.write_text(text)
    with pytest.raises(PreferencesError) as caught:
        start.prepare(None, None, ascii_only=False)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_no_text_is_told(path: Path) -> None:
    path.write_bytes(b"mouse: on\n\xff\xfe")
    with pytest.raises(PreferencesError, match=r"tui\.yaml line 2: this is no text in UTF-8: write the file anew$"):
        preferences.load(path)


def test_a_file_that_cannot_be_opened_is_told_in_words(path: Path) -> None:
    path.mkdir()
    with pytest.raises(PreferencesError, match=r"tui\.yaml cannot be read: Is a directory$"):
        preferences.load(path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--theme", "nosuch"], "Error: --theme: 'nosuch' is no theme; there are pylb-dark, pylb-light, "),
        (["--replay", "x", "--write"], "Error: --write is of a cluster: nothing can be changed in a recording"),
        (["--once"], "No such option"),
    ],
)
def test_wrong_flags_are_told_without_a_terminal_too(words: list[str], said: str) -> None:
    done = CliRunner().invoke(tui, words)
    assert done.exit_code == 2
    assert said in done.output


def test_an_unknown_theme_of_the_flag_is_told(path: Path) -> None:
    with pytest.raises(PreferencesError, match="--theme: 'x' is no theme"):
        start.prepare("x", None, ascii_only=False)


def test_help_names_the_flags() -> None:
    said = CliRunner().invoke(tui, ["--help"]).output
    assert "--theme" in said
    assert "--no-mouse" in said


def test_no_two_keys_of_one_screen_clash() -> None:
    assert list(keymap.clashes({})) == []


def test_every_binding_says_what_it_does() -> None:
    for one in keymap.known().values():
        assert one.tells, one.id


@pytest.mark.parametrize("key", BY_KEY)
def test_ids_of_a_screens_keys_begin_with_its_own(key: str) -> None:
    assert {name.split(".")[0] for name in (one.id for one in keymap.of_module(f"pylb.tui.screens.{key}"))} <= {key}


def test_no_screen_takes_a_key_that_is_left_to_extras() -> None:
    scopes = {*keymap.SHARED, *BY_KEY}  # modal screens have the keys for themselves
    taken = {key: one.id for one in keymap.known().values() if one.id.split(".")[0] in scopes for key in one.keys}
    assert {key: name for key, name in taken.items() if key in EXTRA_KEYS} == {}


@pytest.mark.parametrize(
    ("typed", "key"),
    [("/", "slash"), ("p", "p"), ("P", "P"), (" ", "space"), ("?", "question_mark"), ("f5", "f5"), ("slash", "slash")],
)
def test_keys_may_be_typed_as_people_write_them(typed: str, key: str) -> None:
    assert keymap.normal(typed) == key


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "state" / "tui.json"
    memory = Memory(path)
    assert (memory.kept, memory.note) == (Kept(), "")
    memory.keep(theme="pylb-light", page="nodes")
    memory.keep_order("services", "address", reverse=True)
    again = Memory(path)
    assert again.kept == Kept("pylb-light", "nodes", {"services": ("address", True)})
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["tui.json"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"theme": 1, "page": "", "orders": {}}', '{"theme": "", "page": ""}', "\xff", "[" * 9999],
)
def test_a_broken_memory_is_left_aside_with_a_note(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tui.json"
    path.write_text(text, encoding="latin-1")
    memory = Memory(path)
    assert memory.kept == Kept()
    assert str(path) in memory.note


def test_a_page_that_is_no_more_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "tui.json"
    path.write_text(json.dumps({"theme": "", "page": "gone", "orders": {}}))
    assert Memory(path).kept == Kept()


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=5), lambda one: st.lists(one) | st.dictionaries(st.text(), one)
    )
)
def test_any_json_is_taken_or_left(raw: object) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tui.json"
        path.write_text(json.dumps(raw))
        assert isinstance(Memory(path).kept, Kept)


def test_a_memory_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    memory = Memory(path / "tui.json")
    memory.keep(theme="pylb-light")
    assert memory.kept.theme == "pylb-light"


def test_folders_are_those_of_xdg() -> None:
    assert files.config_home({"HOME": "/home/u"}) == Path("/home/u/.config/pylb")
    assert files.state_home({"HOME": "/home/u", "XDG_STATE_HOME": "/s"}) == Path("/s/pylb")
    assert files.state_home({"HOME": "/home/u", "XDG_STATE_HOME": "not/absolute"}) == Path("/home/u/.local/state/pylb")

"""Token files: read again in time, and kept while they are being replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.kubeconfigs import place
from pylb.kube import bearer
from pylb.kube.bearer import FileBearer
from pylb.kube.errors import NoCluster


async def test_a_token_file_is_read_again_after_a_minute(tmp_path: Path) -> None:
    file, now = place(tmp_path / "t", b"one"), [0.0]
    source = FileBearer(file, lambda: now[0])
    assert await source.token() == "one"
    file.write_bytes(b"two")
    now[0] = bearer.REREAD_AFTER - 1
    assert await source.token() == "one"
    now[0] = bearer.REREAD_AFTER
    assert await source.token() == "two"
    file.unlink()
    now[0] *= 3
    assert await source.token() == "two", "the last one stays while the file is being replaced"


async def test_a_token_file_that_was_never_there(tmp_path: Path) -> None:
    with pytest.raises(NoCluster, match="token file"):
        await FileBearer(tmp_path / "t").token()

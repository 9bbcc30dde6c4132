"""Stand-ins that several tests share."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("fakes.seeds", "fakes.observed")  # they assert as tests do

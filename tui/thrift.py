"""Care with memory: how Python and the C library handle thousands of objects that stay, and megabytes that pass."""

from __future__ import annotations

import contextlib
import ctypes
import gc

# New objects before Python looks for cycles among them, and such searches before a wider one. With its own numbers it
# searches through everything that is known several times a minute, a tenth of a second each.
SEARCHES = (10_000, 5, 20)
# mallopt(3): buffers of so many bytes are given back as soon as they are free. Unless it is set the limit grows with the
# largest one, such as the state of a speaker with thousands of addresses, and what was freed stays.
M_MMAP_THRESHOLD, GIVEN_BACK = -3, 128 * 1024


def begin() -> None:
    """At the start: what is loaded stays."""
    gc.freeze()
    gc.set_threshold(*SEARCHES)
    with contextlib.suppress(AttributeError, OSError):  # another C library than glibc
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, GIVEN_BACK)


def settle() -> None:
    """When everything was read: it stays, too, and no search goes through it again while somebody presses a key.

    What is no more needed of it goes nevertheless, since nothing of a state refers back to what holds it.
    """
    gc.collect()
    gc.freeze()

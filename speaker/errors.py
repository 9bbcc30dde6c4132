"""What a decoder of the speaker may raise: one type, with a reason that a counter can carry."""

from __future__ import annotations

from pylb.core.words import Word


class Flaw(Word):
    """What is wrong with bytes that came from outside; the value is a metric's label."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NOT_OURS = "not_ours"  # another magic number
    OTHER_VERSION = "other_version"
    OTHER_KEY = "other_key"  # another cluster on the same LAN, or a key that this node has not
    BAD_TAG = "bad_tag"  # forged, or a bit that flipped
    BAD_STATE = "bad_state"
    BAD_NAME = "bad_name"
    BAD_LENGTH = "bad_length"  # a length field that does not fit what surrounds it
    BAD_LIST = "bad_list"  # a list of claims that contradicts itself


class WireError(ValueError):
    """Bytes from outside are not what they should be."""

    def __init__(self, reason: Flaw) -> None:
        super().__init__(reason.value)
        self.reason = reason

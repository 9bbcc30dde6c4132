"""What may go wrong while an image is made, as one exception with a sentence for people."""

from __future__ import annotations


class ImageFault(Exception):
    """The image cannot be made; the text says why, in one line."""

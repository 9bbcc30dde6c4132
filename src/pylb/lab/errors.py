"""What the lab may raise: each error is one line for people and the exit code that goes with it."""

from __future__ import annotations


class LabError(Exception):
    """Something about the lab failed; the text is one line that names the input or the cause, and the fix."""

    exit_code = 1


class BadInput(LabError):
    """What was asked for makes no sense."""

    exit_code = 2


class NotRunning(LabError):
    """No lab of this name answers."""

    exit_code = 3


class NoNamespaces(LabError):
    """This machine does not let us make the namespaces that a lab consists of."""

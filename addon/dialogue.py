"""How a range is agreed on: proposed and accepted, typed and checked, confirmed, or refused with what to type instead.

It decides what is said and asked; whether there is a person to ask, and how a question looks, is the terminal's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from pylb.addon.judgement import Confirm, Refuse, Trim, Verdict
from pylb.addon.proposal import Proposal
from pylb.addon.scout import Scout
from pylb.addon.words import EXAMPLE
from pylb.core.ranges import Range
from pylb.core.several import some

MAX_TRIES = 5  # answers to one question
MAX_NODES = 4  # that are named
MAX_FAULTS = 3  # that are told


class NoRange(Exception):
    """No range was agreed on; the message says why and what to type."""


class Terminal(Protocol):
    """Where the installer talks to a person, if there is one."""

    @property
    def interactive(self) -> bool:
        """Whether somebody can answer."""

    def say(self, text: str) -> None:
        """Tell something."""

    def warn(self, text: str) -> None:
        """Tell something that may be wrong."""

    def ask(self, question: str, default: str) -> str:
        """The answer; the default if the answer is empty."""

    def confirm(self, question: str, default: bool) -> bool:
        """Yes or no."""


class Dialogue:
    """One agreement. `typed` makes the command that a person would type for a range; `force` answers every doubt."""

    def __init__(self, scout: Scout, terminal: Terminal, typed: Callable[[str], str], force: bool = False) -> None:
        self.scout = scout
        self.terminal = terminal
        self.typed = typed
        self.force = force

    def agree(self, words: Sequence[str]) -> tuple[Range, ...]:
        """The ranges to use; none means that the pools that are there stay as they are. Raises NoRange."""
        if words:
            found = self._check(words)
            if found is not None:
                return found
            return self._ask(self.scout.propose())
        if self._keeps_pools():
            return ()
        if not self.terminal.interactive:
            proposal = self.scout.propose()
            command = self.typed(told(proposal.span) if proposal else EXAMPLE)
            raise NoRange(f"no range of addresses was given, and there is no terminal to ask at: type {command}")
        self.terminal.say("Looking at your network: who has which address…")
        proposal = self.scout.propose()
        self._introduce(proposal)
        return self._ask(proposal)

    def _keeps_pools(self) -> bool:
        pools = self.scout.inventory.pools
        if not pools:
            return False
        names = "; ".join(f"{pool.key}: {', '.join(pool.entries)}" for pool in pools)
        faults = self.scout.inventory.faults()
        if not self.terminal.interactive:
            self.terminal.say(f"  kept: the pools that are here ({names})")
            self._warn_of(faults)
            return True
        self.terminal.say(f"Pools are here already: {names}")
        self._warn_of(faults)
        return self.terminal.confirm("Keep them as they are?", True)

    def _warn_of(self, faults: Sequence[str]) -> None:
        """Say what is wrong with the pools that are there: none of them would be in force."""
        for fault in faults[:MAX_FAULTS]:
            self.terminal.warn(f"not valid: {fault}")
        if faults:
            self.terminal.warn("until that is corrected a new pylb gives out no addresses at all")

    def _introduce(self, proposal: Proposal | None) -> None:
        nodes = self.scout.inventory.nodes
        named = some((f"{one.name} {one.address}" for one in nodes), MAX_NODES)
        say = self.terminal.say
        say("")
        if nodes:
            say(f"Your nodes:  {named}")
        if proposal:
            say(f"Proposal:    {told(proposal.span)}   ({proposal.span.size} addresses)")
            say(f"Why:         {proposal.why}.")
            say(f"To do:       {proposal.advice}")
        else:
            say("Which addresses may pylb give to Services? They must be free, of your network, and outside of what")
            say(f"the router hands out by DHCP. For example: {EXAMPLE}")
        self.tell_notes()
        say("")

    def tell_notes(self) -> None:
        """What could not be found out."""
        for note in self.scout.survey.notes:
            self.terminal.say(f"Note:        {note}")

    def _ask(self, proposal: Proposal | None) -> tuple[Range, ...]:
        default = told(proposal.span) if proposal else ""
        question = "Addresses (Enter takes these)" if default else "Addresses"
        for _ in range(MAX_TRIES):
            found = self._check([self.terminal.ask(question, default)])
            if found is not None:
                return found
        raise NoRange(f"no range of addresses after {MAX_TRIES} answers: type {self.typed(default or EXAMPLE)}")

    def _check(self, words: Sequence[str]) -> tuple[Range, ...] | None:
        """The ranges, if they may be used; None if a person is to be asked for others. Raises NoRange where none is."""
        verdict = self.scout.judge(words)
        if isinstance(verdict, Refuse):
            self._refuse(verdict)
            return None
        if isinstance(verdict, Trim):
            return self._trim(verdict)
        if isinstance(verdict, Confirm):
            return self._doubt(verdict)
        return verdict.spans

    def _refuse(self, verdict: Refuse) -> None:
        lines = [one.text for one in verdict.objections]
        if not self.terminal.interactive:
            command = self.typed(told(verdict.instead) if verdict.instead else EXAMPLE)
            raise NoRange("\n".join(lines) + f"\nType for example: {command}")
        for line in lines:
            self.terminal.warn(line)
        self._recommend(verdict)

    def _recommend(self, verdict: Verdict) -> None:
        if isinstance(verdict, (Refuse, Confirm)) and verdict.instead:
            self.terminal.say(f"  The nearest good range: {told(verdict.instead)}")

    def _trim(self, verdict: Trim) -> tuple[Range, ...] | None:
        out = ", ".join(str(one) for one in verdict.left_out)
        text = f"no host can have the network's own or broadcast address: {out} is left out"
        self.terminal.warn(text)
        if self.terminal.interactive and not self.terminal.confirm(f"Use {listed(verdict.spans)}?", True):
            return None
        return verdict.spans

    def _doubt(self, verdict: Confirm) -> tuple[Range, ...] | None:
        lines = [one.text for one in verdict.objections]
        if not self.force and not self.terminal.interactive:
            good = f", or: {self.typed(told(verdict.instead))}" if verdict.instead else ""
            again = self.typed(f"{listed(verdict.spans, ',')} --force")
            raise NoRange("\n".join(lines) + f"\nIf that is meant: {again}{good}")
        for line in lines:
            self.terminal.warn(line)
        if verdict.left_out:
            self.terminal.warn(f"left out: {', '.join(str(one) for one in verdict.left_out)}")
        if self.force:
            return verdict.spans
        self._recommend(verdict)
        if self.terminal.confirm(f"Use {listed(verdict.spans)} all the same?", False):
            return verdict.spans
        return None


def told(span: Range) -> str:
    """A range as people read it: from the first to the last address."""
    return str(span.first) if span.size == 1 else f"{span.first}-{span.last}"


def listed(spans: Sequence[Range], between: str = ", ") -> str:
    """Some ranges."""
    return between.join(told(span) for span in spans)

"""Options that have no effect in a call are refused, so that nobody believes they had one.

A command lists them in the default `idle` of its parser; what only its model or its data can tell it refuses itself,
by `refuse`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ..errors import InputError

__all__ = ["Idle", "names", "note_given", "refuse", "refuse_idle"]


class Idle(NamedTuple):
    """Options (as they are written, "--top"; a positional by its name) that have no effect in the calls `where` holds.

    `because` says why not; fields of the namespace in braces, "{preset}", are filled in.
    """

    options: tuple[str, ...]
    where: Callable[[argparse.Namespace], object]
    because: str


def note_given(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace, argv: Sequence[str]
) -> argparse.Namespace:
    """The namespace with `given`: the names of all options and positionals that the command line says itself.

    A default and the same value by hand look alike; so the line is parsed once more, by a parser without defaults.
    Spoils the parser.
    """
    actions, unsaid = _subparser(parser, arguments.command)._actions, object()
    for action in actions:
        # A positional that may be missing gets its default as a value, which would have to be one of its choices.
        action.default = argparse.SUPPRESS if action.option_strings else unsaid
    said = vars(parser.parse_args(argv))
    given = [action for action in actions if said.get(action.dest, unsaid) is not unsaid]
    arguments.given = frozenset(name for action in given for name in action.option_strings or [action.dest])
    return arguments


def names(group: Any) -> tuple[str, ...]:
    """The options of a group of a parser."""
    return tuple(action.option_strings[0] for action in group._group_actions)


def refuse_idle(arguments: argparse.Namespace) -> None:
    """Raises InputError for an option that the command's own list says has no effect in this call."""
    for idle in getattr(arguments, "idle", ()):
        if idle.where(arguments):
            refuse(arguments, idle.options, idle.because)


def refuse(arguments: argparse.Namespace, options: Iterable[str], because: str) -> None:
    """Raises InputError if one of `options` was given, which has no effect here."""
    for option in options:
        if option in arguments.given:
            raise InputError(f"{option} has no effect here: {because.format(**vars(arguments))}")


def _subparser(parser: argparse.ArgumentParser, command: str) -> argparse.ArgumentParser:
    commands = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    inner: argparse.ArgumentParser = commands.choices[command]
    return inner

"""Options that have no effect in a call are refused, so that nobody believes that they had one.

A command lists them in the default `idle` of its parser. Where it takes the model or the data to know, the command calls
`refuse` itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ..errors import InputError

__all__ = ["Idle", "names", "note_given", "refuse", "refuse_idle"]


class Idle(NamedTuple):
    """Options that have no effect in the calls for which `where` is true.

    Options are given as they are written, such as "--top", and positionals by their names. `because` says why there is
    no effect; fields of the namespace in braces, such as "{preset}", are filled in.
    """

    options: tuple[str, ...]
    where: Callable[[argparse.Namespace], object]
    because: str


def note_given(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace, argv: Sequence[str]
) -> argparse.Namespace:
    """The namespace with `given` added: the names of all options and positionals that the command line contains.

    A default looks the same as that value given by hand, so the line is parsed once more, without defaults. The parser
    cannot be used afterwards.
    """
    actions, unsaid = _subparser(parser, arguments.command)._actions, object()
    for action in actions:
        # A missing positional gets its default as its value, so SUPPRESS would have to be one of its choices.
        action.default = argparse.SUPPRESS if action.option_strings else unsaid
    said = vars(parser.parse_args(argv))
    given = [action for action in actions if said.get(action.dest, unsaid) is not unsaid]
    arguments.given = frozenset(name for action in given for name in action.option_strings or [action.dest])
    return arguments


def names(group: Any) -> tuple[str, ...]:
    """The options in a group of a parser."""
    return tuple(action.option_strings[0] for action in group._group_actions)


def refuse_idle(arguments: argparse.Namespace) -> None:
    """Raises InputError for an option that has no effect in this call, according to the command's list."""
    for idle in getattr(arguments, "idle", ()):
        if idle.where(arguments):
            refuse(arguments, idle.options, idle.because)


def refuse(arguments: argparse.Namespace, options: Iterable[str], because: str) -> None:
    """Raises InputError if one of `options`, which have no effect here, was given."""
    for option in options:
        if option in arguments.given:
            raise InputError(f"{option} has no effect here: {because.format(**vars(arguments))}")


def _subparser(parser: argparse.ArgumentParser, command: str) -> argparse.ArgumentParser:
    commands = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    inner: argparse.ArgumentParser = commands.choices[command]
    return inner

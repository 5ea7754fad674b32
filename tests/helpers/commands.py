"""The commands of `hadamrnn`, each with its whole parser."""

from __future__ import annotations

import argparse

from hadamrnn_ext import cli

__all__ = ["parsers"]


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command by name, with all of its options."""
    actions = cli._parser()._actions
    found = next(action.choices for action in actions if isinstance(action, argparse._SubParsersAction))
    for parser in found.values():
        parser.fill()
    return found

"""`hadamrnn bench` compares our kernels with torch on this machine."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .. import disk, drawing, machine
from .cases import Result, cases, measure
from .counter import counter
from .options import add_json, add_threads, describe, print_json, threads

EXAMPLES = """\
  hadamrnn bench                        print a table; without torch, it has the kernels only
  hadamrnn bench --plot bench.png       also draw a picture, .png or .svg; needs the extra `plot`
  hadamrnn bench --threads 1 --json     print all numbers, with the machine and the versions
"""


def _seconds(text: str) -> float:
    """argparse type: a number of seconds, up to a day."""
    value = float(text)
    if not 0 <= value <= 86_400:
        raise ValueError
    return value


_seconds.__name__ = "number of seconds from 0 to 86,400"  # what argparse calls it in its messages


def add(parser: argparse.ArgumentParser) -> None:
    describe(parser, run, EXAMPLES)
    parser.add_argument(
        "--seconds", type=_seconds, default=2.0, metavar="S", help="time for each measurement (default: 2)"
    )
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw how many times faster than torch the kernels are"
    )
    add_threads(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.plot is not None:
        import matplotlib  # noqa: F401  raises early if it is missing

        disk.picture_kind(arguments.plot)
        disk.check(arguments.plot)
    count = threads(arguments) or machine.cpus()
    work = list(cases(count))
    show = counter("measured", len(work))
    results = []
    for case in work:
        results.append(measure(case, arguments.seconds))
        show(len(results))
    found = machine.describe()
    if arguments.json:
        print_json({**found, "threads": count, "results": [result._asdict() for result in results]})
    else:
        _print(found, results, count)
    if arguments.plot is not None:
        draw(found, results, arguments.plot)
    return 0


def _pairs(results: Iterable[Result]) -> dict[str, dict[str, Result]]:
    """The results of each piece of work, by its path."""
    pairs: dict[str, dict[str, Result]] = {}
    for result in results:
        pairs.setdefault(result.work, {})[result.path] = result
    return pairs


def _print(found: dict[str, Any], results: list[Result], count: int) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    print(f"{found['cpu']}, {found['cpus']} CPUs to use, load {found['load']}")
    print(f"kernels on {found['isa']}; Python {found['python']}, {versions}")
    header = ("work", "threads", "native", "torch", "")
    rows = []
    for work, paths in _pairs(results).items():
        native, torch = paths["native"], paths.get("torch")
        ratio = "" if torch is None else f"{torch.seconds / native.seconds:.1f} times"
        rows.append((work, str(native.threads), _time(native), "" if torch is None else _time(torch), ratio))
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in (header, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if machine.package_version("torch") is None:
        print(f"torch is not installed: {machine.hint('train')} to compare with it")


def _time(result: Result) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if result.seconds >= size:
            return f"{result.seconds / size:.3g} {unit} per {result.unit}"
    return f"{result.seconds * 1e9:.3g} ns per {result.unit}"


def draw(found: dict[str, Any], results: list[Result], path: Path) -> None:
    """Draws a bar for each piece of work that was measured on both paths: how many times faster ours is."""
    pairs = {work: paths for work, paths in _pairs(results).items() if len(paths) == 2}
    figure = drawing.figure(9, 1.6 + 0.6 * max(len(pairs), 1))
    axes = figure.subplots()
    ratios = [paths["torch"].seconds / paths["native"].seconds for paths in pairs.values()]
    bars = axes.barh(list(pairs), ratios, color=drawing.COLORS[0])
    labels = [
        f"{ratio:.1f} times  ({_time(paths['native'])})"
        for ratio, paths in zip(ratios, pairs.values(), strict=True)
    ]
    axes.bar_label(bars, labels, padding=4, fontsize=drawing.SMALL, color=drawing.INK)
    axes.axvline(1, color=drawing.PALE, linewidth=1)
    axes.set(xscale="log", xlim=(0.5, 90 * max([1.0, *ratios])))
    axes.invert_yaxis()
    drawing.dress(axes, f"{found['cpu']}, {found['isa']}", "times faster than torch", grid=False)
    disk.write_picture(path, figure)

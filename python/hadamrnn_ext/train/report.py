"""The results page: a table of groups of runs, and the commands that make them."""

from __future__ import annotations

from collections.abc import Sequence

from ..recipe.preset import RATES, SHORT
from .results import Group

__all__ = ["markdown"]

HEADER = (
    "",
    "task",
    "model",
    "rate",
    "weights",
    "file",
    "operations",
    "test",
    "loss",
    "seeds",
    "training",
    "inference",
)
PREAMBLE = """\
# All runs

This page was made by `hadamrnn report` from the logs of finished runs. A row is a recipe, that is, everything that
determines a run except for its seed. Numbers are means over its seeds; after ± is their standard deviation. The number
of a row is that of its command, below.

* **model**: n units; m, the order of a Hadamard block, where it is not n; p, the bits of the input and output weights U
  and V, where they are not 4; V, the bits of the output weights, where they differ; b, the bits of the biases, where
  they are not float32; the recurrence, where it is not linear; "mean", where the mean of all states is read instead of
  the last one.
* **rate**: the learning rate at the start. An asterisk marks one that `--search-lr` found: of {rates}
  the one that was best on validation data in a run of 1/{short} of the epochs, with the first seed.
* **weights**: the bytes of the parameters alone, in float32 for networks that are not HadamRNNs. **file**: the bytes of
  the whole model file, which also has a header of about 2 kB, and for texts the vocabulary.
* **operations**: additions and multiplications per time step, without the readout.
* **test**: the share of the test examples that are answered right; for `copy`, the share of the sequences in which
  every symbol is right. The epoch that is kept was chosen on validation data. **loss**: the mean cross-entropy of the
  same examples.
* **training**: the time of one run. **inference**: the time per test sequence in the fastest batch of up to 1,000 of
  them. Both are as met while the runs were made, with the number of threads in brackets. {machines}
"""
AGAIN = """\
## Commands

A run that was stopped goes on when its command is given again, and a finished run is only scored again. So a loop over
the seeds can be stopped and started at will:

```sh
for seed in 0 1 2; do hadamrnn train pmnist --seed $seed || break; done
hadamrnn report runs --output docs/results.md
```
"""


def markdown(
    groups: Sequence[Group], pictures: Sequence[tuple[str, str]] = (), notes: Sequence[str] = ()
) -> str:
    """The page in Markdown. `pictures` are pairs of a title and an address, and `notes` follow the commands."""
    table = [HEADER, ("---",) * len(HEADER), *map(_cells, groups)]
    commands = (f"{group.number}. `{group.config.command()}`" for group in groups)
    parts = [
        PREAMBLE.format(
            rates=", ".join(f"{rate:g}" for rate in RATES), short=SHORT, machines=_machines(groups)
        ),
        *("| " + " | ".join(cells) + " |" for cells in table),
        "",
        *(f"![{title}]({address})\n" for title, address in pictures),
        AGAIN,
        *commands,
        *(f"\n{note}" for note in notes),
    ]
    return "\n".join(parts) + "\n"


def _cells(group: Group) -> tuple[str, ...]:
    loss = group.mean("test_loss")
    bytes_, operations = group.mean("payload_bytes"), group.mean("operations")
    return (
        str(group.number),
        group.task,
        group.name,
        f"{group.config.preset.lr:g}{' *' if any(run.searched for run in group.runs) else ''}",
        _whole(bytes_),
        _whole(group.mean("file_bytes")),
        _whole(operations),
        _percent(group.mean(f"test_{group.metric}"), group.spread(f"test_{group.metric}")),
        "" if loss is None else f"{loss:.3g}",
        str(len(group.runs)),
        _with_threads(group, duration(group.mean("seconds"))),
        _with_threads(group, duration(group.mean("inference_seconds"))),
    )


def _machines(groups: Sequence[Group]) -> str:
    """Where the times are from. A time says nothing without that, so it is left out where a log does not name it."""
    names = sorted({str(name) for group in groups for name in group.values("cpu")})
    said = f"The machine: {', '.join(names)}." if names else ""
    if any(not _has_times(group) for group in groups):
        said += (
            " Times are left out where the log of a run, of an earlier version, does not name its machine."
        )
    return said.strip()


def _has_times(group: Group) -> bool:
    return len(group.values("cpu")) == len(group.runs)


def _whole(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _percent(mean: float | None, spread: float | None) -> str:
    if mean is None:
        return ""
    return f"{100 * mean:.2f} %" if spread is None else f"{100 * mean:.2f} ± {100 * spread:.2f} %"


def _with_threads(group: Group, text: str) -> str:
    if not _has_times(group):
        return ""
    threads = "/".join(str(count) for count in sorted(set(group.values("threads"))))
    return f"{text} ({threads})" if text else ""


def duration(seconds: float | None) -> str:
    """A time in the unit that suits it, from hours to microseconds."""
    if seconds is None:
        return ""
    for unit, size in (("h", 3600), ("min", 60), ("s", 1), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"

"""The results page: a table of groups of runs, and the commands that make them."""

from __future__ import annotations

from collections.abc import Sequence

from .results import Group

__all__ = ["markdown"]

HEADER = ("", "task", "model", "bytes", "operations", "test", "loss", "seeds", "training", "inference")
PREAMBLE = """\
# Results

Made by `hadamrnn report` from the logs of finished runs. A row is a recipe, the mean of its runs and, after ±, the
standard deviation over their seeds. The row's number is that of its command, below.

* **test**: share of the test examples that are right; of `copy`, of the sequences of which every symbol is. The epoch
  that is kept was chosen on validation data. **loss**: mean cross-entropy of the same examples.
* **bytes**: of the parameters in the model file; those of networks that are not HadamRNNs are in float32.
* **operations**: additions and multiplications of a time step, without the readout.
* **training**: time of one run. **inference**: time of a test sequence, in the fastest batch of up to 1,000 of them. Both as
  met while the runs were made, on the number of threads in brackets.
"""
AGAIN = """\
## Commands

A run that was stopped goes on where it was when its command is given again, and a finished one is only scored again, so a
loop over the seeds can be stopped and started at will:

```sh
for seed in 0 1 2; do hadamrnn train pmnist --seed $seed || break; done
hadamrnn report runs --output docs/results.md
```
"""


def markdown(groups: Sequence[Group], pictures: Sequence[tuple[str, str]] = ()) -> str:
    """The page. `pictures` are titles and addresses."""
    table = [HEADER, ("---",) * len(HEADER), *map(_cells, groups)]
    commands = (f"{group.number}. `{group.config.command()}`" for group in groups)
    parts = [
        PREAMBLE,
        *("| " + " | ".join(cells) + " |" for cells in table),
        "",
        *(f"![{title}]({address})\n" for title, address in pictures),
        AGAIN,
        *commands,
    ]
    return "\n".join(parts) + "\n"


def _cells(group: Group) -> tuple[str, ...]:
    loss = group.mean("test_loss")
    bytes_, operations = group.mean("payload_bytes"), group.mean("operations")
    return (
        str(group.number),
        group.task,
        group.name,
        _whole(bytes_),
        _whole(operations),
        _percent(group.mean(f"test_{group.metric}"), group.spread(f"test_{group.metric}")),
        "" if loss is None else f"{loss:.3g}",
        str(len(group.runs)),
        _with_threads(group, duration(group.mean("seconds"))),
        _with_threads(group, duration(group.mean("inference_seconds"))),
    )


def _whole(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _percent(mean: float | None, spread: float | None) -> str:
    if mean is None:
        return ""
    return f"{100 * mean:.2f} %" if spread is None else f"{100 * mean:.2f} ± {100 * spread:.2f} %"


def _with_threads(group: Group, text: str) -> str:
    threads = "/".join(str(count) for count in sorted(set(group.values("threads"))))
    return f"{text} ({threads})" if text else ""


def duration(seconds: float | None) -> str:
    """Hours, minutes, seconds or less, in the unit that suits."""
    if seconds is None:
        return ""
    for unit, size in (("h", 3600), ("min", 60), ("s", 1), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"

"""The tasks by name: `load("pmnist")` reads or generates the data and splits them.

To add a data set, write a module that exports `TASKS`, and add it to `MODULES`.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import DataError
from . import continuous, copy, dsa, fashion, fsdd, glue, har, imdb, mnist
from .dataset import Dataset
from .task import Known, Task

__all__ = ["DATASETS", "GENERATED", "NAMES", "TASKS", "TEXTS", "load"]

MODULES = (mnist, fashion, har, dsa, fsdd, continuous, imdb, glue, copy)
TASKS: dict[str, Known] = {name: known for module in MODULES for name, known in module.TASKS.items()}
NAMES = tuple(TASKS)
#: The data sets of the tasks, by name.
DATASETS: dict[str, Dataset] = {
    known.dataset.name: known.dataset for known in TASKS.values() if known.dataset
}
#: The tasks that generate their data.
GENERATED = tuple(name for name, known in TASKS.items() if known.dataset is None)
#: The tasks of texts, which can be read by a tokenizer.
TEXTS = tuple(name for name, known in TASKS.items() if known.texts)


def load(
    name: str,
    directory: str | Path | None = None,
    *,
    verify: bool = True,
    length: int | None = None,
    tokenizer: str | None = None,
) -> Task:
    """The task `name` (one of `NAMES`).

    `directory` holds its data set (see `folders.candidates`), `verify` compares checksums, and `length` is the number of
    steps of a generated sequence. `tokenizer` names the tokenizer of transformers that splits texts into tokens (see
    `tokenizers`); None takes the words of the training texts. Raises `DataError`.

    Examples:
        >>> from hadamrnn_ext.data import tasks
        >>> task = tasks.load("copy", length=100)
        >>> tokens, targets = task.train.batch(slice(2))
        >>> tokens.shape, tokens[:, -10].tolist()
        ((2, 100), [9, 9])
    """
    if tokenizer is not None and name not in TEXTS:
        raise DataError(f"a tokenizer is for the tasks {', '.join(TEXTS)}, not {name}")
    if name not in TASKS:
        raise DataError(f"no task {name!r}; there are {', '.join(NAMES)}")
    known = TASKS[name]
    if known.dataset is None:
        return known.make(name, length)
    if length is not None:
        raise DataError(f"the sequences of {name} have the length of their data, not {length}")
    return known.make(name, directory, verify, *([tokenizer] if known.texts else []))

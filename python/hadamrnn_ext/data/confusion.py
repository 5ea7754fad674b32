"""The confusion matrix of a split, and the precision, recall and F1 score of each class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .metrics import Scores, predicted

__all__ = ["Confusion", "Score"]

#: For more classes than this, people see the most frequent mistakes instead of the matrix.
MOST_SHOWN = 20
MISTAKES = 10
WIDTH = 120  # characters of a line

Score = Callable[[NDArray[np.float32], NDArray[Any]], Scores]


class Confusion:
    """Counts answers: `counts[i, j]` examples of class i were classified as j.

    Examples:
        >>> confusion = Confusion(("cat", "dog"))
        >>> confusion.add(np.float32([[-1], [2], [3]]), np.array([0, 0, 1]))
        >>> confusion.counts.tolist()
        [[1, 1], [0, 1]]
    """

    def __init__(self, labels: tuple[str, ...]) -> None:
        self.labels = labels
        self.counts = np.zeros((len(labels), len(labels)), np.int64)

    def add(self, logits: NDArray[np.float32], classes: NDArray[np.integer]) -> None:
        """Count a batch of logits (.., o) and true classes (..). Logits that are not finite, and classes below 0, which are
        none, are not counted."""
        said = predicted(logits)
        counted = (said >= 0) & (classes >= 0)
        np.add.at(self.counts, (classes[counted], said[counted]), 1)

    def watching(self, scores: Score) -> Score:
        """The same scores, which count the answers when they are called."""

        def counted(logits: NDArray[np.float32], classes: NDArray[Any]) -> Scores:
            self.add(logits, classes)
            return scores(logits, classes)

        return counted

    def rows(self) -> list[dict[str, Any]]:
        """The label, number of examples, precision, recall and F1 score of each class; None instead of a division by 0."""
        right, true, said = np.diag(self.counts), self.counts.sum(1), self.counts.sum(0)
        return [
            {
                "label": label,
                "examples": int(true[k]),
                "precision": _share(right[k], said[k]),
                "recall": _share(right[k], true[k]),
                "f1": _share(2 * right[k], said[k] + true[k]),
            }
            for k, label in enumerate(self.labels)
        ]

    def lines(self) -> list[str]:
        """The lines of a table of `rows`, followed by the matrix or, for many classes, the most frequent mistakes."""
        kinds = ("precision", "recall", "f1")
        table = [["class", *kinds, "examples"]]
        for row in self.rows():
            shares = ("-" if (share := row[kind]) is None else f"{share:.4f}" for kind in kinds)
            table.append([row["label"], *shares, str(row["examples"])])
        found = _aligned(table)
        if len(self.labels) <= MOST_SHOWN:
            return [*found, "", *self._matrix()]
        wrong = self.counts - np.diag(np.diag(self.counts))
        most = np.argsort(-wrong, axis=None, kind="stable")[:MISTAKES]
        pairs = [divmod(int(place), len(self.labels)) for place in most]
        mistakes = [
            f"{wrong[i, j]} of {self.labels[i]} taken for {self.labels[j]}" for i, j in pairs if wrong[i, j]
        ]
        return [*found, "", *mistakes]

    def _matrix(self) -> list[str]:
        """The lines of the matrix: a row per true class and a column per answer, numbered if the names are too wide."""
        lines: list[str] = []
        numbers = [str(number) for number in range(1, len(self.labels) + 1)]
        numbered = [f"{number} {label}" for number, label in zip(numbers, self.labels, strict=True)]
        for rows, columns in ((self.labels, self.labels), (numbered, numbers)):
            cells = [[label, *map(str, row)] for label, row in zip(rows, self.counts.tolist(), strict=True)]
            lines = _aligned([["true \\ answer", *columns], *cells])
            if len(lines[0]) <= WIDTH:
                break
        return lines


def _share(part: np.int64, whole: np.int64) -> float | None:
    return float(part / whole) if whole else None


def _aligned(rows: list[list[str]]) -> list[str]:
    """Lines with aligned columns, the first to the left and the others to the right."""
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    return [
        "  ".join(
            [row[0].ljust(first), *(cell.rjust(width) for cell, width in zip(row[1:], others, strict=True))]
        )
        for row in rows
    ]

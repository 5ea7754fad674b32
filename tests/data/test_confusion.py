"""The confusion matrix and what follows from it, on counts that can be checked by hand."""

from __future__ import annotations

import numpy as np

from hadamrnn_ext.data.confusion import MISTAKES, Confusion


def of(labels: tuple[str, ...], counts: list[list[int]]) -> Confusion:
    """With the counts, by logits and classes in two batches."""
    confusion = Confusion(labels)
    pairs = [(i, j) for i, row in enumerate(counts) for j, count in enumerate(row) for _ in range(count)]
    classes, answers = np.array(pairs).T
    logits = np.eye(len(labels), dtype=np.float32)[answers]
    for part in (slice(3), slice(3, None)):
        confusion.add(logits[part], classes[part])
    return confusion


def test_precision_recall_and_f1_are_those_of_the_counts():
    confusion = of(("cat", "dog", "owl"), [[3, 1, 0], [2, 4, 0], [0, 0, 0]])
    assert confusion.counts.tolist() == [[3, 1, 0], [2, 4, 0], [0, 0, 0]]
    cat, dog, owl = confusion.rows()
    assert cat == {"label": "cat", "examples": 4, "precision": 3 / 5, "recall": 3 / 4, "f1": 6 / 9}
    assert dog == {"label": "dog", "examples": 6, "precision": 4 / 5, "recall": 4 / 6, "f1": 8 / 11}
    assert owl == {"label": "owl", "examples": 0, "precision": None, "recall": None, "f1": None}


def test_a_single_logit_is_that_of_the_second_class():
    confusion = Confusion(("no", "yes"))
    scores = confusion.watching(lambda logits, classes: {"n": np.ones(len(classes))})
    assert scores(np.float32([[-1], [0], [2], [3]]), np.array([0, 1, 1, 0]))["n"].sum() == 4
    assert confusion.counts.tolist() == [[1, 1], [1, 1]]  # at 0 both are equal, and the first is said


def test_lines_are_aligned_and_hold_every_number():
    confusion = of(("cat", "dog", "owl"), [[3, 1, 0], [2, 40, 0], [0, 0, 0]])
    assert confusion.lines() == [
        "class  precision  recall      f1  examples",
        "cat       0.6000  0.7500  0.6667         4",
        "dog       0.9756  0.9524  0.9639        42",
        "owl            -       -       -         0",
        "",
        "true \\ answer  cat  dog  owl",
        "cat              3    1    0",
        "dog              2   40    0",
        "owl              0    0    0",
    ]


def test_names_too_long_for_columns_become_numbers():
    labels = tuple(f"a class with the long name {k}" for k in range(6))
    lines = of(labels, np.diag([1, 2, 3, 4, 5, 6]).tolist()).lines()
    assert lines[8].split() == ["true", "\\", "answer", *"123456"]
    assert lines[14] == "6 a class with the long name 5  0  0  0  0  0  6"


def test_of_many_classes_the_most_frequent_mistakes_are_shown():
    counts = np.diag(np.full(30, 9))
    counts[4, 7], counts[7, 4] = 5, 6
    lines = of(tuple(map(str, range(30))), counts.tolist()).lines()
    assert lines[31:] == ["", "6 of 7 taken for 4", "5 of 4 taken for 7"]
    counts[0] = 1
    assert len(of(tuple(map(str, range(30))), counts.tolist()).lines()) == 32 + MISTAKES

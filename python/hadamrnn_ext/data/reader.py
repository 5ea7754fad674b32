"""The conversion of own data to what a network reads. It is learned from the training data and applied to all data."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..file.card import Card
from ..file.preprocess import Normalization, Preprocess, Vocabulary
from ..file.resolution import LEVELS, check_differences, is_wide, too_fine
from . import words
from .missing import Impute, centres, fill, numbers
from .places import Places, X
from .series import Sequences, Series, sequences, whole
from .texts import is_texts, text_list

__all__ = ["Reader"]

#: The size of a vocabulary that is built from texts.
WORDS = 10_000
#: Larger integers are tokens only if the user says so, since every token has a column of weights.
MOST_TOKENS = 1 << 16


class Reader(NamedTuple):
    """The kind of the sequences, the number of features or tokens, and the treatment of missing values and raw numbers.

    `means` (d,) replace missing values that no value precedes.
    """

    kind: Literal["features", "tokens", "texts"]
    width: int
    impute: Impute | None = None
    preprocess: Preprocess = Preprocess()
    means: NDArray[np.float64] | None = None

    @staticmethod
    def of_data(
        x: Any, places: Places, tokens: bool | None, impute: Impute | None
    ) -> tuple[Reader, Sequences]:
        """The reader for sequences whose kind is detected, and these sequences; see `custom.Options`."""
        if is_texts(x):
            x = text_list(x, places.sequence)
            vocabulary = words.build(x, WORDS, None)
            reader = Reader("texts", len(vocabulary.words), preprocess=Preprocess(vocabulary=vocabulary))
            return reader, reader.read(x, places)
        found = sequences(x, places)
        if tokens:
            found = _whole(found)  # CSV does not tell integers from other numbers
        if _are_tokens(found.values, tokens):
            return Reader("tokens", int(found.values.max()) + 1), found
        width = 1 if found.values.ndim == 1 else found.values.shape[1]
        reader = Reader("features", width, impute)
        return reader, reader.read(found, places)

    @staticmethod
    def of_model(card: Card, x: Any, impute: Impute | None) -> Reader:
        """The reader of a model. If `impute` is None, missing values are filled in as in training."""
        steps, known = card.preprocess, card.data
        kind: Any = "texts" if steps.vocabulary is not None and is_texts(x) else card.input
        means = None if known is None or known.means is None else np.array(known.means)
        if steps.normalization is not None:
            means = np.array(steps.normalization.offset)
        impute = impute or (None if known is None else known.impute)
        return Reader(kind, card.input_size, impute, steps, means)

    def read(self, x: Any, places: Places = X) -> Sequences:
        """Sequences of this reader's kind and width. Raises ShapeError or InputError."""
        if self.kind == "texts":
            assert self.preprocess.vocabulary is not None
            return _tokens(text_list(x, places.sequence), self.preprocess.vocabulary, places)
        found = x if isinstance(x, Sequences) else sequences(x, places)
        if self.kind == "tokens":
            found = _whole(found)
        if self.kind == "features" and found.values.ndim == 1:
            found = found._replace(values=found.values[:, None])
        if self.kind == "features" and found.values.shape[1] != self.width:
            raise InputError(
                f"{places.name} has {found.values.shape[1]} features per step; expected {self.width}"
            )
        return found

    def learned(self, x: Sequences, kept: NDArray[np.int64], normalize: bool, places: Places = X) -> Reader:
        """This reader with the means and scales of the sequences `kept`. Raises InputError for data that float32 loses."""
        if self.kind != "features":
            return self
        numbers(x, self.impute, places)  # an error names the place among all sequences
        rows = np.zeros(len(x.lengths), bool)
        rows[kept] = True
        chosen = Sequences(x.values[np.repeat(rows, x.lengths)], x.lengths[rows])
        values = fill(chosen, self.impute, places=places)
        means = centres(chosen.values)
        scale = np.asarray((values - means).std(0))
        peak = np.maximum(1e-30, np.abs(values).max(0))
        constant = scale <= (1e-14 if is_wide(values.dtype) else 1e-6) * peak
        if not normalize:
            _check_lost(too_fine(peak, scale) & ~constant, means, scale, "X", "normalize=True")
            return self._replace(means=means)
        _check_lost(constant & (scale > 0) & (peak >= 1 << 53), means, scale, "X in float64", "less of it")
        unit = np.maximum(1.0, LEVELS * np.spacing(np.abs(means.astype(np.float32))))
        scale = np.where(constant, unit, scale)
        normalization = Normalization(tuple(means.tolist()), tuple(scale.tolist()))
        return self._replace(means=means, preprocess=Preprocess(normalization=normalization))

    def series(self, x: Sequences, y: NDArray[Any], places: Places = X) -> Series:
        """Examples of sequences that were `read`, with missing values filled in. Raises InputError naming a place."""
        if self.kind != "features":
            return Series(_checked_tokens(x, self.width, places), x.starts, x.lengths, y)
        values = fill(x, self.impute, self.means, places)
        if self.preprocess.normalization is None:
            check_differences(values)
            values = np.asarray(values, np.float32)
        return Series(values, x.starts, x.lengths, y, self.preprocess.normalization)


def _whole(x: Sequences) -> Sequences:
    """Whole numbers become integers, and a single channel of them loses its feature axis. Other numbers stay unchanged."""
    if not whole(x.values):
        return x
    values = x.values[:, 0] if x.values.ndim == 2 and x.values.shape[1] == 1 else x.values
    return x._replace(values=values.astype(np.int64))


def _check_lost(lost: NDArray[np.bool_], means: Any, scale: Any, what: str, cure: str) -> None:
    if lost.any():
        channel = int(np.argmax(lost))
        raise InputError(
            f"channel {channel} of {what} varies by {scale[channel]:.3g} about {means[channel]:.12g}, which is lost in rounding; "
            f"expected an offset subtracted, or {cure}"
        )


def _are_tokens(values: NDArray[Any], asked: bool | None) -> bool:
    integers = values.ndim == 1 and values.dtype.kind in "iu"
    if asked is not None:
        if asked and not integers:
            raise InputError(
                f"tokens is True, but X has dtype {values.dtype} and "
                f"{'a feature axis' if values.ndim == 2 else 'none'}; expected integers (N, T), or lists of them"
            )
        return asked
    usual = values.dtype.kind == "i" and values.dtype.itemsize >= 4
    return integers and usual and values.min() >= 0 and values.max() < MOST_TOKENS


def _tokens(texts: list[str], vocabulary: Vocabulary, places: Places) -> Sequences:
    parts = [vocabulary.tokens(text) for text in texts]
    for i, part in enumerate(parts):
        if not len(part):
            raise InputError(
                f"{places.sequence(i)} is {texts[i][:40]!r}, a text without words; expected at least one"
            )
    return Sequences(np.concatenate(parts), np.array([len(part) for part in parts], np.int64))


def _checked_tokens(x: Sequences, count: int, places: Places) -> NDArray[np.int32]:
    if x.values.ndim != 1 or x.values.dtype.kind not in "iu":
        raise InputError(
            f"{places.name} has dtype {x.values.dtype}; expected integer tokens 0 .. {count - 1}"
        )
    outside = (x.values < 0) | (x.values >= count)
    if outside.any():
        row = int(np.argmax(outside))
        raise InputError(f"{places.step(*x.place(row))} is {x.values[row]}; expected tokens 0 .. {count - 1}")
    return x.values.astype(np.int32)

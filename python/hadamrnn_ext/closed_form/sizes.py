"""How many units and bits a model may have, so that its file stays below a limit."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..data.reader import Reader
from ..data.series import Sequences
from ..errors import InputError
from ..file.preprocess import Preprocess
from .batch import Source
from .design import Design, input_bits
from .goal import Goal

__all__ = ["fewer_words", "largest", "limit"]

#: Of a model file, unless somebody says otherwise; a vocabulary alone is many times as much.
MAX_BYTES, MAX_BYTES_OF_TEXTS = 1 << 14, 1 << 18
#: Units, the first of which fit the file are taken. Of many sequences more would take more than seconds.
SIZES, SIZES_OF_MANY = (1024, 512, 256, 128, 64), (256, 128, 64)
#: Bits of the readout, likewise. Few examples say too little of the errors of rounding for few bits; of many there is space.
BITS, FEW, BITS_OF_FEW, BITS_OF_MANY = (4, 3), 100, (6, 4, 3), (8, 6, 4, 3)
#: What a file holds beside its tensors, about.
OVERHEAD = 2500
#: What the integers of a block are, and what is said of them.
OF_BLOCK, OF_INTEGERS = 21, 500


def limit(most: int | None, reader: Reader) -> int:
    """`most`, or what is usual for what is read."""
    usual = MAX_BYTES if reader.preprocess.vocabulary is None else MAX_BYTES_OF_TEXTS
    return usual if most is None else most


def fewer_words(reader: Reader, found: Sequences, most: int) -> tuple[Reader, Sequences]:
    """The reader of texts with the most frequent words alone, as many as take half of the file in the smallest network, and
    its tokens of the same texts: the others are unknown. Of all else the same."""
    vocabulary = reader.preprocess.vocabulary
    if vocabulary is None:
        return reader, found
    column = SIZES[-1] * input_bits(len(vocabulary.words)) / 8
    bytes_of = np.cumsum([len(word.encode()) + 3 + column for word in vocabulary.words])
    count = max(16, int(np.searchsorted(bytes_of, (most - OVERHEAD) / 2)))
    kept = dataclasses.replace(vocabulary, words=vocabulary.words[:count])
    tokens = np.where(found.values < count, found.values, vocabulary.unknown)
    reader = reader._replace(width=len(kept.words), preprocess=Preprocess(vocabulary=kept))
    return reader, found._replace(values=tokens)


def largest(
    design: Design,
    data: Source,
    goal: Goal,
    units: int | None,
    most: int,
    many: bool,
    state_bits: int | None = None,
) -> tuple[int, int]:
    """Units, those asked for if any are, and bits of the readout; `many`: of more than `CHUNK` examples. Raises InputError where no network fits `most` bytes."""
    width = data.tokens or design.input_width(data.reader.width)
    groups = 2 * len(design.thresholds)
    vocabulary = data.reader.preprocess.vocabulary
    words = 0 if vocabulary is None else sum(len(word.encode()) + 3 for word in vocabulary.words)
    few = len(goal) < FEW and not many
    for n in (units,) if units is not None else SIZES_OF_MANY if many else SIZES:
        for bits in BITS_OF_FEW if few else BITS_OF_MANY if many else BITS:
            drawn = n * (width * input_bits(width) / 8 + 0.5 + 1 + len(design.thresholds))
            if state_bits is not None:
                drawn += OF_BLOCK * n / min(n, design.block_size or n) + OF_INTEGERS
                drawn += n * len(design.thresholds) * (state_bits > 8)
            learned = n * groups * goal.outputs * bits / 8
            if units is not None or drawn + learned + OVERHEAD + words <= most:
                return n, bits
    raise InputError(f"max_bytes is {most}; no network of {goal.outputs} outputs is as small")

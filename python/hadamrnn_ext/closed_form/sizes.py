"""How many units and bits a model may have, so that its file stays below a limit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ..data.reader import Reader
from ..data.series import Sequences
from ..errors import InputError
from ..file.card import Card
from ..file.format import dumps
from ..file.preprocess import Preprocess
from ..file.tensors import schema

__all__ = ["fewer_words", "file_bytes", "largest", "limit"]

#: Of a model file, unless somebody says otherwise; a vocabulary alone is many times as much.
MAX_BYTES, MAX_BYTES_OF_TEXTS = 1 << 14, 1 << 18
#: Units, the first of which fit the file are taken. Of many sequences more would take more than seconds.
SIZES_OF_MANY = (256, 192, 128, 96, 64, 32)
SIZES = (1024, 512, 384, *SIZES_OF_MANY)
#: Bits of the readout, likewise. Few examples say too little of the errors of rounding for few bits; of many there is space.
BITS, FEW, BITS_OF_FEW, BITS_OF_MANY = (4, 3), 100, (6, 4, 3), (8, 6, 4, 3)
#: What a file of texts holds beside its words, about.
OVERHEAD = 2500
#: What the integers of a block are, and what is said of them.
OF_BLOCK, OF_INTEGERS = 21, 900


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
    bytes_of = np.cumsum([len(word.encode()) + 3 for word in vocabulary.words])
    count = max(16, int(np.searchsorted(bytes_of, (most - OVERHEAD) / 2)))
    kept = dataclasses.replace(vocabulary, words=vocabulary.words[:count])
    tokens = np.where(found.values < count, found.values, vocabulary.unknown)
    reader = reader._replace(width=len(kept.words), preprocess=Preprocess(vocabulary=kept))
    return reader, found._replace(values=tokens)


def largest(
    bytes_of: Callable[[int, int], int], units: int | None, most: int, count: int, many: bool
) -> tuple[int, int]:
    """Units, those asked for if any are, and bits of the readout, of the file that has the most of both below `most` bytes.

    Args:
        bytes_of: of the file, by units and bits.
        count: of examples. many: whether there are more than `CHUNK`.

    Raises InputError where no network fits.
    """
    few = count < FEW and not many
    for n in (units,) if units is not None else SIZES_OF_MANY if many else SIZES:
        for bits in BITS_OF_FEW if few else BITS_OF_MANY if many else BITS:
            if units is not None or bytes_of(n, bits) <= most:
                return n, bits
    least = bytes_of(SIZES[-1], BITS[-1])
    raise InputError(f"max_bytes is {most}; no network is as small: the smallest takes {least} bytes")


def file_bytes(card: Card, state_bits: int | None = None) -> int:
    """Of a model with this card, whose metrics are yet unknown; of its integers of so many bits, about."""
    tensors = {name: np.zeros(shape, dtype) for name, (dtype, shape) in schema(card).items()}
    size = len(dumps(card, tensors))
    if state_bits is not None:
        layer = card.layers[0]
        assert card.pool is not None
        size += OF_BLOCK * layer.hidden_size // layer.block_size + OF_INTEGERS
        size += layer.hidden_size * card.pool.thresholds * (state_bits > 8)
        if card.input == "tokens":  # a table of 8 bits and a multiplier per row
            size += card.input_size * (layer.hidden_size + 4)
    return size

"""A network that is kept as its seed: what signs, input weights and decays it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelFormatError
from .record import Record, within
from .words import codes_of, words

__all__ = ["BITS", "Drawn"]

#: Of U.
BITS = 4
#: The streams of words that signs and input weights are taken of.
SIGNS, WEIGHTS = 1, 2
#: The code of the first weight, whatever its word, so that alpha is the largest magnitude in U, as it is of any quantized U.
LARGEST = -8
# So that no small file makes a reader allocate much memory.
MAX_COLUMNS = 1 << 16
MAX_ELEMENTS = 1 << 22
#: Square roots of 1 and of 1/2, in units of 2^-8.
ROOTS = np.array([256, 181])


@dataclass(frozen=True)
class Drawn(Record):
    """The signs, the codes of U, the decays and the biases (zeros) of a network of one layer; the file does not hold them.

    Features have two weights in each row of U, for columns that are drawn too; of tokens every weight is drawn. Without an
    input activation the weights of a block become smaller as it forgets less, so that states are of like size.

    seed: of the words that all is drawn from, 0 .. 2^32 - 1.
    fastest, slowest: codes of decays, between which those of the blocks are spaced evenly.
    rule: the generator of the words.

    Raises:
        ModelFormatError: a number is out of range, or the fastest decay is slower than the slowest.
    """

    seed: int
    fastest: int
    slowest: int
    rule: Literal["mix32"] = "mix32"

    def check(self) -> None:
        if not 0 <= self.seed < 1 << 32:
            raise ModelFormatError(f"Drawn.seed is {self.seed}; expected 0 .. 2**32 - 1")
        within("Drawn.fastest", self.fastest, 0, 255)
        within("Drawn.slowest", self.slowest, 0, 255)
        if self.fastest ^ 15 > self.slowest ^ 15:
            raise ModelFormatError(
                f"Drawn.fastest is {self.fastest} and Drawn.slowest {self.slowest}, which forgets faster; expected them in "
                "this order"
            )

    def check_size(self, n: int, columns: int) -> None:
        """Raises ModelFormatError for an input matrix that is not drawn."""
        within("the columns of a drawn U", columns, 1, MAX_COLUMNS)
        within(f"the elements of a drawn U ({n} x {columns})", n * columns, 1, MAX_ELEMENTS)

    def signs(self, n: int) -> NDArray[np.int8]:
        """(n,), one bit each, the lowest of a word first; 1 means -1."""
        bits = np.unpackbits(
            words(self.seed, SIGNS, -(-n // 32)).astype("<u4").view(np.uint8), bitorder="little"
        )
        return 1 - 2 * bits[:n].astype(np.int8)

    def decays(self, q: int) -> NDArray[np.uint8]:
        """Codes of q blocks, in the middles of q equal parts of what is between the fastest and the slowest.

        The exclusive or with 15 puts codes in the order of their time constants, which it makes nearly geometric.
        """
        first, last = self.fastest ^ 15, self.slowest ^ 15
        return ((first + ((last - first) * (2 * np.arange(q) + 1) + q) // (2 * q)) ^ 15).astype(np.uint8)

    def features(self, n: int, columns: int, blocks: int | None) -> NDArray[np.int8]:
        """Codes of U (n, columns): two words per unit, each the column of a weight in its upper half and its code in its
        lowest 4 bits. The columns differ where there are two. `blocks`: their number where weights follow the decays."""
        pairs = words(self.seed, WEIGHTS, 2 * n).reshape(n, 2)
        place = pairs >> np.uint32(16)
        one = place[:, 0] * np.uint32(columns) >> np.uint32(16)
        further = place[:, 1] * np.uint32(columns - 1) >> np.uint32(16)
        other = (one + 1 + further) % np.uint32(columns)
        values = codes_of(pairs.reshape(-1))[::8].reshape(n, 2)
        codes = np.zeros((n, columns), np.int8)
        codes[np.arange(n), other] = values[:, 1]
        codes[np.arange(n), one] = values[:, 0]
        codes[0, one[0]] = LARGEST
        return self._fitting(codes, blocks)

    def tokens(self, n: int, count: int, blocks: int | None) -> NDArray[np.int8]:
        """Codes of U (n, count): eight per word, those of the units of token 0 first."""
        found = codes_of(words(self.seed, WEIGHTS, -(-n * count // 8)))[: n * count]
        found[0] = LARGEST
        return self._fitting(np.ascontiguousarray(found.reshape(count, n).T), blocks)

    def _fitting(self, codes: NDArray[np.int8], blocks: int | None) -> NDArray[np.int8]:
        """Codes c as round(c 2^(-s/2)), halves upwards: s counts by how many octaves a block forgets less than the first."""
        if blocks is None:
            return codes
        octave = self.decays(blocks).astype(np.int64) >> 4
        steps = np.repeat(octave - octave[0], len(codes) // blocks)[:, None]
        shift = 8 + steps // 2
        scaled = codes * ROOTS[steps % 2] + (1 << shift - 1) >> shift
        return np.asarray(scaled, np.int8)

    def __str__(self) -> str:
        return f"signs, input weights and decays from seed {self.seed}"

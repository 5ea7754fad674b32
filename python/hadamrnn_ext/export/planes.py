"""The state of an integer layer as bit planes: rows of +-1 times the state by counting bits.

    z = -2^(k-1) z_(k-1) + sum_j 2^j z_j,    row . z = sum(z) - 2 sum(z where the row is -1)

k n / 8 bytes, and as much again while a step is computed, instead of 2 n or 4 n. A step takes n m k / 32 counts instead
of n log2 m additions; a dense +-1 matrix above the layer takes k counts for 32 units instead of 32 additions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import hadamard
from ..errors import InputError
from ..file.card import LayerCard
from .text import array, constant

__all__ = ["Planes"]

_BITS = """/* How many bits of x are set. */
static uint32_t ones(uint32_t x) {
#if defined(__POPCNT__) || defined(__aarch64__) || defined(__riscv_zbb)
    return (uint32_t)__builtin_popcount(x);
#else
    x -= x >> 1 & UINT32_C(0x55555555);
    x = (x & UINT32_C(0x33333333)) + (x >> 2 & UINT32_C(0x33333333));
    x = (x + (x >> 4)) & UINT32_C(0x0F0F0F0F);
    return x * UINT32_C(0x01010101) >> 24;
#endif
}

/* The sum of those units of a word whose bit is set in mask; planes lie `words` apart, that of the sign is the last. */
static int32_t masked_sum(const uint32_t *word, place planes, place words, uint32_t mask) {
    int32_t sum = -(int32_t)ones(word[--planes * words] & mask);
    while (planes > 0) sum = 2 * sum + (int32_t)ones(word[--planes * words] & mask);
    return sum;
}
"""

_ROW = """/* Row i of the Hadamard matrix of order 32; a bit is set where the entry is -1. */
static uint32_t hadamard_row(place i) {
    return (i & 1u ? UINT32_C(0xAAAAAAAA) : 0u) ^ (i & 2u ? UINT32_C(0xCCCCCCCC) : 0u) ^
           (i & 4u ? UINT32_C(0xF0F0F0F0) : 0u) ^ (i & 8u ? UINT32_C(0xFF00FF00) : 0u) ^
           (i & 16u ? UINT32_C(0xFFFF0000) : 0u);
}
"""


class Planes:
    """Bit j of every unit in the words j ``words`` .. (j + 1) ``words``. A sign state takes two planes: it begins at 0.

    Raises:
        InputError: the block order is no power of two.
    """

    kind = "uint32_t"

    def __init__(self, layer: LayerCard, state_bits: int) -> None:
        if hadamard.factor(layer.block_size)[0] != 1:
            raise InputError(
                f"transform='popcount' with blocks of order {layer.block_size}; expected a power of two"
            )
        self.block_size, self.planes = layer.block_size, max(state_bits, 2)
        self.words = -(-layer.hidden_size // 32)
        self.size = self.planes * self.words
        self.local_bytes = 4 * self.size
        self.begin = f"""    uint32_t next[{self.size}];
    int32_t block_sum = 0;
    for (i = 0; i < {self.size}u; ++i) next[i] = 0;
"""
        self.sum = f"{self._name}(z, i, &block_sum)"
        self.store = f"""for (place plane = 0; plane < {self.planes}u; ++plane) {{
            next[plane * {self.words}u + i / 32u] |= ((uint32_t)r >> plane & 1u) << (i % 32u);
        }}"""
        self.end = f"    for (i = 0; i < {self.size}u; ++i) z[i] = next[i];\n"
        self.below_begin = f"""    int32_t below_sum = 0;
    for (i = 0; i < {self.words}u; ++i) below_sum += {self._masked("below + i", f"~below[{self._sign}u + i]")};
"""

    @property
    def _name(self) -> str:
        return f"row_{self.block_size}_{self.planes}_{self.words}"

    @property
    def _sign(self) -> int:
        """Where the plane of the signs begins."""
        return (self.planes - 1) * self.words

    def _masked(self, word: str, mask: str) -> str:
        return f"masked_sum({word}, {self.planes}u, {self.words}u, {mask})"

    def functions(self) -> list[str]:
        m = self.block_size
        mask = constant((1 << min(m, 32)) - 1) + ("" if m >= 32 else f" << (i % 32u / {m}u * {m}u)")
        count = max(m // 32, 1)
        return [
            _BITS,
            _ROW,
            f"""/* Row i of I (x) H times the state; *block_sum is the sum of its block. */
static int32_t {self._name}(const uint32_t *z, place i, int32_t *block_sum) {{
    const uint32_t *block = z + i / 32u / {count}u * {count}u;
    const uint32_t row = hadamard_row(i % {m}u), mask = {mask};
    int32_t all = 0, negative = 0;
    place w;
    for (w = 0; w < {count}u; ++w) {{
        const uint32_t turned = ones((uint32_t)(w & i % {m}u / 32u)) & 1u ? ~row : row;
        if (i % {m}u == 0) all += {self._masked("block + w", "mask")};
        negative += {self._masked("block + w", "turned & mask")};
    }}
    if (i % {m}u == 0) *block_sum = all;
    return *block_sum - 2 * negative;
}}
""",
        ]

    def unit(self, z: str) -> str:
        """The value of unit i."""
        return self._masked(f"{z} + i / 32u", "(uint32_t)1 << (i % 32u)")

    def signs(self, name: str, below: NDArray[Any]) -> str:
        """The matrix B (n, n_below) of the layer above, every row in words of its own."""
        padded = np.zeros((len(below), 32 * self.words), np.uint8)
        padded[:, : below.shape[1]] = below < 0
        return array("uint32_t", name, np.packbits(padded, axis=1, bitorder="little").view("<u4"))

    def product(self, name: str) -> str:
        """sum = row i of B times relu of this layer."""
        mask = f"~below[{self._sign}u + j] & READ(uint32_t, {name} + i * {self.words}u + j)"
        return f"""        int32_t sum = below_sum;
        place j;
        for (j = 0; j < {self.words}u; ++j) sum -= 2 * {self._masked("below + j", mask)};
"""

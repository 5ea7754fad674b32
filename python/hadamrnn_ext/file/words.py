"""Random words that every language computes alike: a 32-bit hash of a seed, a stream and a counter.

    mix(x):  x ^= x >> 16;  x *= 0x7feb352d;  x ^= x >> 15;  x *= 0x846ca68b;  x ^= x >> 16
    key    = mix(seed ^ mix(stream))
    word i = mix(key + i)                                        all modulo 2^32

There is no state, so that any word is computed alone, by about ten instructions of a processor that knows 32-bit integers
alone. The multipliers are those of lowbias32 (Wellons 2018, "Prospecting for Hash Functions"). It is no cipher.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["codes_of", "words"]

U32 = NDArray[np.uint32]
FIRST, SECOND = np.uint32(0x7FEB352D), np.uint32(0x846CA68B)


def mix(x: ArrayLike) -> U32:
    """A permutation of the 32-bit words of which neighbours go far apart.

    Examples:
        >>> [hex(word) for word in mix([1, 2])]
        ['0x688990c0', '0xd1132181']
    """
    x = np.array(x, np.uint32)
    x ^= x >> 16
    x *= FIRST
    x ^= x >> 15
    x *= SECOND
    x ^= x >> 16
    return x


def words(seed: int, stream: int, count: int) -> U32:
    """The first words (count,) of a stream of a seed; both are numbers below 2^32."""
    key = mix(np.array([seed], np.uint32) ^ mix([stream]))
    return mix(np.arange(count, dtype=np.uint32) + key)


def codes_of(found: U32) -> NDArray[np.int8]:
    """Eight codes -8 .. 7 of each word, (8 N,): two's complement in 4 bits each, the lowest first."""
    nibbles = (found[:, None] >> np.arange(0, 32, 4, dtype=np.uint32) & 15).astype(np.int8).reshape(-1)
    return nibbles - (nibbles & 8) * np.int8(2)

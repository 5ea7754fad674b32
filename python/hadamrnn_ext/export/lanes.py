"""The state of an integer layer as an array of integers, which the fast transform works on in place."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from .. import hadamard
from ..file.card import LayerCard
from ..file.codes import pack_signs
from ..integer.bounds import largest_state
from .text import array, bit
from .transform import function, transform

__all__ = ["Lanes"]


class Lanes:
    """16 bits a unit where no sum of the transform can take more, else 32. The pieces of C are those of ``_layer``."""

    sum = "(int32_t)z[i]"
    end = below_begin = ""

    def __init__(self, layer: LayerCard, state_bits: int) -> None:
        self.hidden_size, self.block_size = layer.hidden_size, layer.block_size
        self.size = layer.hidden_size
        self.kind = "int16_t" if layer.block_size * largest_state(state_bits) < 1 << 15 else "int32_t"
        r, width = hadamard.factor(self.block_size)[0], 2 if self.kind == "int16_t" else 4
        self.local_bytes = width * r if r > 1 else 0
        self.begin = f"    {function(self.block_size, self.kind)}(z, {self.hidden_size}u);\n"
        self.store = f"z[i] = ({self.kind})r;"

    def functions(self) -> list[str]:
        return [transform(self.block_size, self.kind)]

    def unit(self, z: str) -> str:
        """The value of unit i."""
        return f"{z}[i]"

    def signs(self, name: str, below: NDArray[Any]) -> str:
        """The matrix B (n, n_below) of the layer above."""
        return array("uint8_t", name, pack_signs(below.reshape(-1)))

    def product(self, name: str) -> str:
        """sum = row i of B times relu of this layer."""
        n = self.hidden_size
        return f"""        int32_t sum = 0;
        place j;
        for (j = 0; j < {n}u; ++j) {{
            const place entry = i * {n}u + j;
            if (below[j] > 0) sum += {bit(name, "entry")} ? -below[j] : below[j];
        }}
"""

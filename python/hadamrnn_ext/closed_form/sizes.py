"""How many units and bits a model may have, so that its file stays below a limit."""

from __future__ import annotations

from ..errors import InputError
from .batch import Data
from .design import Design, input_bits
from .goal import Goal

__all__ = ["MAX_BYTES", "check_units", "largest"]

#: Of a model file, unless somebody says otherwise.
MAX_BYTES = 16384
#: Units, the first of which fit the file are taken. Of many sequences more would take more than seconds.
SIZES, SIZES_OF_MANY = (1024, 512, 256, 128, 64), (256, 128, 64)
#: Bits of the readout, likewise. Few examples say too little of the errors of rounding for few bits; of many there is space.
BITS, FEW, BITS_OF_FEW, BITS_OF_MANY = (4, 3), 100, (6, 4, 3), (8, 6, 4, 3)
LEAST = 16
#: What a file holds beside its tensors, about.
OVERHEAD = 2500
#: What the integers of a block are, and what is said of them.
OF_BLOCK, OF_INTEGERS = 21, 500


def check_units(units: int | None) -> None:
    """Raises InputError for a hidden size that no design has."""
    if units is not None and (units < LEAST or units & (units - 1)):
        raise InputError(f"hidden_size is {units}; expected a power of two of at least {LEAST}")


def largest(
    design: Design,
    data: Data,
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

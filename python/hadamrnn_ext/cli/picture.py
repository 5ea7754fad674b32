"""A grey image as text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["picture"]

RAMP = np.array(list(" .:-=+*#%@"))


def picture(image: NDArray[np.uint8]) -> str:
    """Lines of characters for an image (height, width) of bytes; two rows make a line, since characters are tall."""
    rows = image[: len(image) // 2 * 2].reshape(-1, 2, image.shape[1]).mean(axis=1)
    shades = (rows * (len(RAMP) - 1) / 255).round().astype(int)
    return "\n".join("".join(line).rstrip() for line in RAMP[shades])

"""How exported C reads the entries of a float matrix: as they are, or as codes times a step."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..file.codes import code_range, code_width
from ..model import Model
from .tables import Tables, real

__all__ = ["matrix"]


def matrix(model: Model, tables: Tables, name: str, bits: int | None) -> dict[str, Any]:
    """The values for reading entries of U or V, ``name`` "input" or "output"; the table is added to ``tables``."""
    if bits is None:
        tables[f"{name}_weights"] = model.parameters()[f"{name}.weight"]
        return {f"{name}_step": None}
    tables[f"{name}_codes"] = np.append(model.tensors[f"{name}.codes"], np.uint8(0))
    step = np.float32(model.tensors[f"{name}.scale"][0]) / np.float32(-code_range(bits)[0])
    return {f"{name}_step": real(step), f"{name}_bits": code_width(bits)}

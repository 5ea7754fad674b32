"""The pretrained models in this package, and sample inputs for them."""

from __future__ import annotations

from .bundled import DEFAULT, infer, load, models
from .samples import samples

__all__ = ["DEFAULT", "infer", "load", "models", "samples"]

"""Training in PyTorch: modules that learn signs, on engines that run them fast, and become native models.

Needs torch, which the rest of the package does not (extra ``train``).
"""

from __future__ import annotations

try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as missing:
    if missing.name != "torch":
        raise
    from ..machine import hint

    raise ImportError(f"hadamrnn_ext.nn needs PyTorch, which is not installed: {hint('train')}") from missing

from ..file.pool import Pool
from .layers import HadamRNN
from .native import from_native
from .published import from_published_state_dict
from .quantize import quantize
from .sequence import SequenceModel
from .ste import sign

__all__ = [
    "HadamRNN",
    "Pool",
    "SequenceModel",
    "from_native",
    "from_published_state_dict",
    "quantize",
    "sign",
]

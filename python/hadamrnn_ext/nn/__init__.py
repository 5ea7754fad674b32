"""Training in PyTorch: modules that learn signs, run on fast engines, and convert to native models.

This part needs torch (extra ``train``); the rest of the package does not.
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
from .engines import torch_on_one_thread
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
    "torch_on_one_thread",
]

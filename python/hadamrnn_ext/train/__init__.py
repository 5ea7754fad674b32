"""Training: presets of the published recipes, the trainer, its checkpoints and logs. Needs the `train` extra (torch).

    from hadamrnn_ext import train
    summary = train.run(train.Config(train.get_preset("smnist"), seed=1), "runs/smnist-1")

The same as `hadamrnn train smnist --seed 1 --out runs/smnist-1`.
"""

from __future__ import annotations

from .. import nn as _nn  # noqa: F401  says what to install if torch is missing
from .config import Config
from .parallel import PeerError, is_main
from .presets import PRESETS, Preset, PresetError, as_baseline, get_preset
from .progress import reporter
from .run import run
from .signals import Interrupted
from .start import sized_as
from .trainer import DivergedError

__all__ = [
    "PRESETS",
    "Config",
    "DivergedError",
    "Interrupted",
    "PeerError",
    "Preset",
    "PresetError",
    "as_baseline",
    "get_preset",
    "is_main",
    "reporter",
    "run",
    "sized_as",
]

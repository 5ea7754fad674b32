"""Training: presets of the published recipes, the trainer, its checkpoints and logs. Needs the `train` extra (torch).

`run` does what `hadamrnn train PRESET` does, and `fit` trains on your own data.
"""

from __future__ import annotations

from .. import nn as _nn  # noqa: F401  says what to install if torch is missing
from ..recipe import (
    PRESETS,
    Config,
    Preset,
    PresetError,
    as_baseline,
    get_preset,
    sized_as,
    suited,
    suited_threads,
)
from .custom import Fitted, fit
from .parallel import PeerError, is_main
from .progress import reporter
from .run import run
from .signals import Interrupted
from .trainer import DivergedError

__all__ = [
    "PRESETS",
    "Config",
    "DivergedError",
    "Fitted",
    "Interrupted",
    "PeerError",
    "Preset",
    "PresetError",
    "as_baseline",
    "fit",
    "get_preset",
    "is_main",
    "reporter",
    "run",
    "sized_as",
    "suited",
    "suited_threads",
]

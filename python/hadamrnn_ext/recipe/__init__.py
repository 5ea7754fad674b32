"""What a run does: presets and their variants, the configuration of a run, and recipes chosen for the data.

Nothing here imports torch.
"""

from __future__ import annotations

from .config import Config
from .preset import BASELINES, Preset
from .presets import PRESETS, as_baseline, get_preset
from .setting import PresetError
from .suited import sized_as, suited, suited_threads

__all__ = [
    "BASELINES",
    "PRESETS",
    "Config",
    "Preset",
    "PresetError",
    "as_baseline",
    "get_preset",
    "sized_as",
    "suited",
    "suited_threads",
]

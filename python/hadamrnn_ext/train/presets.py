"""The published recipes (arXiv 2502.00047, appendix), one frozen `Preset` each.

A preset is the task, the model and the way it is trained; `dataclasses.replace` makes variants. Common to all:
Adam, weights of 4 bits, one layer, the published initialization, a learning rate that decays by epoch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import HadamRNNError

__all__ = ["PRESETS", "SCHEDULES", "Preset", "PresetError", "get_preset"]

SCHEDULES = ("step", "cosine")


class PresetError(HadamRNNError, ValueError):
    """No such preset, or one of its values makes no sense."""


@dataclass(frozen=True)
class Preset:
    """A recipe. Raises `PresetError` for values that make no sense.

    `block_size` None is one full Hadamard block, `weight_bits` None float weights. `length` is the number of
    steps where the task generates its data, else None. `sign_lr` is the learning rate of the latent signs, None
    for that of the rest. `decay` is the factor per epoch of the schedule "step"; "cosine" goes from `lr` towards
    0 over all epochs. `grad_clip` bounds the norm of the whole gradient.
    """

    name: str
    task: str
    hidden_size: int
    batch_size: int
    epochs: int
    lr: float
    block_size: int | None = None
    recurrence: str = "linear"
    weight_bits: int | None = 4
    length: int | None = None
    schedule: str = "step"
    decay: float = 0.98
    sign_lr: float | None = None
    freeze_signs: bool = False
    grad_clip: float | None = None

    def __post_init__(self) -> None:
        for name in ("hidden_size", "batch_size", "epochs", "block_size", "weight_bits", "length"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise PresetError(f"{name} is {value}, expected at least 1")
        for name in ("lr", "sign_lr", "decay", "grad_clip"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise PresetError(f"{name} is {value}, expected a positive number")
        if self.schedule not in SCHEDULES:
            raise PresetError(f"schedule is {self.schedule!r}, expected one of {', '.join(SCHEDULES)}")


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("smnist", task="smnist", hidden_size=512, batch_size=64, epochs=100, lr=1e-3),
        Preset("pmnist", task="pmnist", hidden_size=512, batch_size=100, epochs=100, lr=1e-3),
        Preset("copy", task="copy", hidden_size=128, batch_size=128, epochs=10, lr=1e-4, length=1000),
    )
}


def get_preset(name: str) -> Preset:
    """The preset `name`. Raises `PresetError` that lists those there are."""
    try:
        return PRESETS[name]
    except KeyError:
        raise PresetError(f"no preset {name!r}; there are {', '.join(PRESETS)}") from None

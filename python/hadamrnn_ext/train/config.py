"""What a run is: a preset and what it depends on besides. Everything here decides the bits of the result."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from .presets import PRESETS, Preset, PresetError

__all__ = ["Config"]

DEVICES = ("cpu", "cuda")


@dataclass(frozen=True)
class Config:
    """A preset (or a variant of one), the seed, the engine, the number of training examples (None: all), the device.

    `start` names the model, bundled or a file, whose weights a run begins with (None: initial ones).
    """

    preset: Preset
    seed: int = 0
    engine: str = "auto"
    limit_train: int | None = None
    device: str = "cpu"
    start: str | None = None

    def __post_init__(self) -> None:
        if self.limit_train is not None and self.limit_train < 1:
            raise PresetError(f"limit_train is {self.limit_train}, expected at least 1")
        if not 0 <= self.seed < 1 << 32:
            raise PresetError(f"seed is {self.seed}, expected 0 to 2^32 - 1")
        if self.device not in DEVICES:
            raise PresetError(f"device is {self.device!r}, expected one of {', '.join(DEVICES)}")

    def to_dict(self) -> dict[str, Any]:
        """Flat, JSON values only; `preset` is its name."""
        values = asdict(self)
        preset = values.pop("preset")
        return {"preset": preset.pop("name"), **preset, **values}

    def changes(self) -> dict[str, Any]:
        """What differs from the preset as published and from a plain run of it; the seed is no change."""
        published = PRESETS.get(self.preset.name)
        plain = Config(published, seed=self.seed).to_dict() if published else {}
        return {
            name: value for name, value in self.to_dict().items() if name not in plain or plain[name] != value
        }

    def obstacles(self, stored: dict[str, Any]) -> list[str]:
        """What stands against going on from a run of the configuration `stored`, nothing if it can be done.

        More epochs, or fewer, only move the end, unless a schedule depends on it; so does patience. What the
        stored configuration does not know is younger than it, and had its default value.
        """
        mine = self.to_dict()
        stored = {**_defaults(), **stored}
        free = {"patience"}
        if "cosine" not in (self.preset.schedule, self.preset.sign_schedule):
            free.add("epochs")
        return [
            f"{name} was {stored.get(name)} and is now {mine.get(name)}"
            for name in sorted(mine.keys() | stored.keys())
            if name not in free and mine.get(name) != stored.get(name)
        ]


def _defaults() -> dict[str, Any]:
    known = (*fields(Preset), *fields(Config))
    return {field.name: field.default for field in known if field.default is not MISSING}

"""What a run is: a preset and what it depends on besides. Everything here decides the bits of the result."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from ..scalars import plain
from .presets import BASELINES, PRESETS, Preset, PresetError, as_baseline

__all__ = ["Config"]

DEVICES = ("cpu", "cuda")
ENGINES = ("auto", "loop", "native", "krylov", "scan")  # those of nn.engines, which would import torch


@dataclass(frozen=True)
class Config:
    """A preset (or a variant of one), the seed, the engine, the number of training examples (None: all), the device.

    `start` names the model, bundled or a file, whose weights a run begins with (None: initial ones). `data` is the
    digest of own data and how they are read (None: those of the preset's task).
    """

    preset: Preset
    seed: int = 0
    engine: str = "auto"
    limit_train: int | None = None
    device: str = "cpu"
    start: str | None = None
    data: str | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, plain(getattr(self, field.name)))
        if self.limit_train is not None and self.limit_train < 1:
            raise PresetError(f"limit_train is {self.limit_train}, expected at least 1")
        if not 0 <= self.seed < 1 << 32:
            raise PresetError(f"seed is {self.seed}, expected 0 to 2^32 - 1")
        if self.device not in DEVICES:
            raise PresetError(f"device is {self.device!r}, expected one of {', '.join(DEVICES)}")
        if self.engine not in ENGINES:
            raise PresetError(f"engine is {self.engine!r}, expected one of {', '.join(ENGINES)}")
        if self.preset.model in BASELINES and (self.engine != "auto" or self.start is not None):
            raise PresetError(f"the model {self.preset.model} has no engines and starts from no model file")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        """That of a dict that `to_dict` made, here or in an earlier version; other keys are ignored."""
        values = {**DEFAULTS, **values, "name": values["preset"]}
        preset = Preset(**{field.name: values[field.name] for field in fields(Preset)})
        rest = {field.name: values[field.name] for field in fields(cls) if field.name != "preset"}
        return cls(preset, **rest)

    def to_dict(self) -> dict[str, Any]:
        """Flat, JSON values only; `preset` is its name."""
        values = asdict(self)
        preset = values.pop("preset")
        return {"preset": preset.pop("name"), **preset, **values}

    def changes(self) -> dict[str, Any]:
        """What differs from the preset as published and from a plain run of it; the seed is no change."""
        plain = self._plain()
        return {
            name: value for name, value in self.to_dict().items() if name not in plain or plain[name] != value
        }

    def command(self) -> str:
        """The command line that makes this run, but for its folder and its seed."""
        meant = {"block_size": self.preset.hidden_size, "output": "last"}  # by None; of bits it is float
        options = (
            _option(name, meant.get(name) if value is None else value)
            for name, value in self.changes().items()
            if name != "data"
        )
        own = [] if self.data is None else ["--train FILE"]
        return " ".join(["hadamrnn train", self.preset.name, *own, *options])

    def _plain(self) -> dict[str, Any]:
        """The preset as published, without what this model lacks; of other presets what is so unless it is said."""
        published = PRESETS.get(self.preset.name)
        if published is None:
            mine = {"preset": self.preset.name, "task": self.preset.task, "seed": self.seed}
            return {**DEFAULTS, **mine, "data": None}
        if self.preset.model in BASELINES:
            published = as_baseline(published, self.preset.model)
        return {**Config(published, seed=self.seed).to_dict(), "model": "hadamrnn"}

    def obstacles(self, stored: dict[str, Any]) -> list[str]:
        """What stands against going on from a run of the configuration `stored`, nothing if it can be done.

        More epochs, or fewer, only move the end, unless a schedule depends on it; so does patience. What the
        stored configuration does not know is younger than it, and had its default value.
        """
        mine = self.to_dict()
        stored = {**DEFAULTS, **stored}
        free = {"patience"}
        if "cosine" not in (self.preset.schedule, self.preset.sign_schedule):
            free.add("epochs")
        return [
            f"{name} was {stored.get(name)} and is now {mine.get(name)}"
            for name in sorted(mine.keys() | stored.keys())
            if name not in free and mine.get(name) != stored.get(name)
        ]


#: What a configuration says that an earlier version stored without such a setting.
DEFAULTS = {
    field.name: field.default for field in (*fields(Preset), *fields(Config)) if field.default is not MISSING
}


def _option(name: str, value: Any) -> str:
    """A setting as an option of the command line, where bits that are None are `float`."""
    name = "from" if name == "start" else name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name} {'float' if value is None else value}"

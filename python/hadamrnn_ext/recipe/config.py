"""The configuration of a run: a preset, and everything else that determines the bits of the result."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from .preset import BASELINES, Preset
from .presets import PRESETS, as_baseline
from .setting import PresetError, check, choice, document, settings, text, whole

__all__ = ["Config"]

DEVICES = ("cpu", "cuda")
ENGINES = ("auto", "loop", "native", "krylov", "scan")  # those of nn.engines, which would import torch


@dataclass(frozen=True)
class Config:
    """A recipe, `preset`, and the other settings of a run. Raises `PresetError` for values that make no sense.

    Examples:
        >>> import dataclasses
        >>> from hadamrnn_ext import train
        >>> preset = dataclasses.replace(train.get_preset("pmnist"), freeze_signs=True, epochs=10)
        >>> config = train.Config(preset, seed=1)
        >>> config.command()
        'hadamrnn train pmnist --epochs 10 --freeze-signs'
        >>> config.changes()
        {'epochs': 10, 'freeze_signs': True}
        >>> config.obstacles({**config.to_dict(), "seed": 2})
        ['seed was 2 and is now 1']
        >>> train.Config.from_dict(config.to_dict()) == config
        True
    """

    preset: Preset
    seed: int = whole(
        0,
        "seed of the initialization and of the order of the examples",
        0,
        (1 << 32) - 1,
        expected="0 to 2^32 - 1",
    )
    engine: str = choice("auto", "how the recurrence is computed", ENGINES)
    limit_train: int | None = whole(None, "use only the first N training examples", none="all of them")
    device: str = choice(
        "cpu", "where the run is computed; under torchrun each process has its own GPU", DEVICES
    )
    start: str | None = text(
        None,
        "a bundled float model, or the file of one, whose weights and sizes the run starts from",
        none="initial weights",
        option="from",
        metavar="MODEL",
    )
    data: str | None = text(
        None, "digest of your own data and of how they are read", none="those of the task", option=None
    )

    def __post_init__(self) -> None:
        check(self)
        if self.preset.model in BASELINES and (self.engine != "auto" or self.start is not None):
            raise PresetError(f"the model {self.preset.model} has no engines and starts from no model file")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        """The configuration in a dict that this or an earlier version of `to_dict` made. Other keys are ignored."""
        values = {**DEFAULTS, **values, "name": values["preset"]}
        preset = Preset(**{field.name: values[field.name] for field in fields(Preset)})
        rest = {field.name: values[field.name] for field in fields(cls) if field.name != "preset"}
        return cls(preset, **rest)

    def to_dict(self) -> dict[str, Any]:
        """A flat dict of JSON values, in which `preset` is the name of the preset."""
        values = asdict(self)
        preset = values.pop("preset")
        return {"preset": preset.pop("name"), **preset, **values}

    def changes(self) -> dict[str, Any]:
        """The settings that differ from a plain run of the published preset. The seed does not count as a change."""
        plain = self._plain()
        return {
            name: value for name, value in self.to_dict().items() if name not in plain or plain[name] != value
        }

    def command(self) -> str:
        """The command line that makes this run, without its folder and its seed."""
        # What None means in these fields; in the fields of bits it means float.
        meant = {"block_size": self.preset.hidden_size, "output": "last"}
        options = (
            option(name, meant.get(name) if value is None else value)
            for name, value in self.changes().items()
            if name != "data"
        )
        own = [] if self.data is None else ["--train FILE"]
        return " ".join(["hadamrnn train", self.preset.name, *own, *options])

    def _plain(self) -> dict[str, Any]:
        """The preset as published, without what this model lacks. For other presets, the default values."""
        published = PRESETS.get(self.preset.name)
        if published is None:
            mine = {"preset": self.preset.name, "task": self.preset.task, "seed": self.seed}
            return {**DEFAULTS, **mine, "data": None}
        if self.preset.model in BASELINES:
            published = as_baseline(published, self.preset.model)
        return {**Config(published, seed=self.seed).to_dict(), "model": "hadamrnn"}

    def obstacles(self, stored: dict[str, Any]) -> list[str]:
        """The reasons why a run of the configuration `stored` cannot be continued. Empty if it can.

        Another number of epochs only moves the end of the run, unless a schedule depends on it. A setting
        that the stored configuration lacks was added later, so it had its default value.
        """
        mine = self.to_dict()
        stored = {**DEFAULTS, **stored}
        endless = "cosine" not in (self.preset.schedule, self.preset.sign_schedule)
        return [
            f"{name} was {stored.get(name)} and is now {mine[name]}"
            for name in sorted(mine)
            if mine[name] != stored.get(name) and not (endless and name == "epochs")
        ]


#: The values of settings that an earlier version did not store, because it did not have them yet.
DEFAULTS = {
    field.name: field.default for field in (*fields(Preset), *fields(Config)) if field.default is not MISSING
}
#: The names of the settings on the command line.
OPTIONS = {item.name: str(setting.option) for kind in (Preset, Config) for item, setting in settings(kind)}


def option(name: str, value: Any) -> str:
    """A setting as an option of the command line, where bits that are None are written `float`."""
    if isinstance(value, bool):
        return OPTIONS[name] if value else OPTIONS[name].replace("--", "--no-")
    return f"{OPTIONS[name]} {'float' if value is None else value}"


document(Config)

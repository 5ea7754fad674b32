"""The published recipes (arXiv 2502.00047, appendix), one frozen `Preset` each, and ours for the other tasks.

A preset is the task, the model and the way it is trained; `dataclasses.replace` makes variants. Common to all:
Adam, weights of 4 bits, one layer, the published initialization, a learning rate that decays by epoch. The paper gives
no recipe for fashion, har2, har6, dsa19 and digits; that of dsa19 is har6's, untried for want of the data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Literal, get_args, get_type_hints

from ..data.copy import LONGEST
from ..data.task import Task
from ..data.tasks import WORDS
from ..errors import HadamRNNError
from ..file.card import MAX_LAYERS, MAX_WIDTH, LayerCard
from ..scalars import plain

__all__ = ["BASELINES", "PRESETS", "SCHEDULES", "Preset", "PresetError", "as_baseline", "get_preset"]

OUTPUTS = ("last", "mean")
RECURRENCES = get_args(get_type_hints(LayerCard)["recurrence"])
SCHEDULES = ("step", "cosine", "constant")
#: Networks of float32 weights to compare with (baselines.py).
BASELINES = ("lstm", "gru", "orthogonal")


class PresetError(HadamRNNError, ValueError):
    """No such preset, or one of its values makes no sense."""


@dataclass(frozen=True)
class Preset:
    """A recipe. Raises `PresetError` for values that make no sense.

    `block_size` None is one full Hadamard block. `weight_bits`, `output_weight_bits`, `bias_bits` and
    `embedding_bits` are those of U, V, b and the embedding, None for float. `embedding_size` is the width of the learned embedding of tokens, None where
    they are one-hot or where there are none. `tokenizer` makes tokens of texts (`data.tokenizers`), None is words of the
    training texts. `length` is the number of steps where the task generates its data,
    else None. Schedules are by epoch: "step" multiplies the learning rate by `decay`, "cosine" goes from `lr`
    towards 0 over all epochs, "constant" stays; during the first `warmup` epochs the rate rises to what the
    schedule says. `sign_lr`, `sign_schedule` and `sign_decay` are those of the latent signs, None for those of
    the rest; one that crosses zero goes on to +-`sign_margin` at once, so that it does not cross back in the
    next step. U, V and b, where they are quantized, are clamped to +-`weight_clip` times their root mean square after every step, which makes
    the grid of few bits finer. `positive_signs` is the share of the top layer's signs that start at +1 (W of all +1 is symmetric,
    W W = I: the state adds up words wherever they are), `embedding_scale` the standard deviation that the
    embedding starts with. While training, `token_dropout` is the probability that a token is read as padding,
    `input_noise` the standard deviation of noise added to normalized features, and `time_shift` the most steps
    by which a sequence of features is turned, its end coming to its beginning; of images read pixel by pixel, each
    is mapped anew by a random affine map that moves its edges by up to `image_jitter` pixels. `grad_clip` bounds the norm of
    the whole gradient. `average` is the decay a step of the moving average of weights and latents, which is
    then what is validated and saved. `patience` ends the run after so many epochs without a better validation
    score. `state_bits` trains with the state of an integer model of so many bits
    (`SequenceModel.simulate_integers`), which is then what is saved. `output` is what a network that answers once reads: the
    "last" state, or the "mean" of all; None is the task's own. `model` is "hadamrnn" or one of `BASELINES`, for
    which nothing may be said of signs, blocks, bits, layers and the kind of recurrence: see `as_baseline`.
    """

    name: str
    task: str
    hidden_size: int
    batch_size: int
    epochs: int
    lr: float
    block_size: int | None = None
    embedding_size: int | None = None
    num_layers: int = 1
    recurrence: str = "linear"
    weight_bits: int | None = 4
    output_weight_bits: int | Literal["same"] | None = "same"
    bias_bits: int | None = None
    embedding_bits: int | None = None
    tokenizer: str | None = None
    length: int | None = None
    schedule: str = "step"
    decay: float = 0.98
    warmup: int = 0
    sign_lr: float | None = None
    sign_schedule: str | None = None
    sign_decay: float | None = None
    sign_margin: float = 0.0
    weight_clip: float | None = None
    freeze_signs: bool = False
    positive_signs: float = 0.0
    embedding_scale: float = 1.0
    token_dropout: float = 0.0
    input_noise: float = 0.0
    time_shift: int = 0
    image_jitter: float = 0.0
    grad_clip: float | None = None
    label_smoothing: float = 0.0
    average: float | None = None
    patience: int | None = None
    state_bits: int | None = None
    output: Literal["last", "mean"] | None = None
    model: str = "hadamrnn"

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, plain(getattr(self, field.name)))
        for name in (
            "hidden_size",
            "batch_size",
            "epochs",
            "block_size",
            "embedding_size",
            "num_layers",
            "weight_bits",
            "length",
            "patience",
        ):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise PresetError(f"{name} is {value}, expected at least 1")
        for name, most in (
            ("embedding_size", MAX_WIDTH),
            ("num_layers", MAX_LAYERS),
            ("time_shift", LONGEST),
        ):
            if (value := getattr(self, name)) is not None and value > most:
                raise PresetError(f"{name} is {value}, expected at most {most}")
        for name in ("lr", "sign_lr", "decay", "sign_decay", "grad_clip", "weight_clip", "embedding_scale"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise PresetError(f"{name} is {value}, expected a positive number")
        for name in ("schedule", "sign_schedule"):
            value = getattr(self, name)
            if value is not None and value not in SCHEDULES:
                raise PresetError(f"{name} is {value!r}, expected one of {', '.join(SCHEDULES)}")
        if self.output not in (None, *OUTPUTS):
            raise PresetError(f"output is {self.output!r}, expected one of {', '.join(OUTPUTS)}")
        for name in ("warmup", "input_noise", "time_shift", "image_jitter", "sign_margin"):
            if not 0 <= (value := getattr(self, name)) < math.inf:
                raise PresetError(f"{name} is {value}, expected at least 0")
        if self.state_bits is not None and not 8 <= self.state_bits <= 16:
            raise PresetError(f"state_bits is {self.state_bits}, expected 8 to 16")
        for name in ("label_smoothing", "token_dropout"):
            if not 0 <= (value := getattr(self, name)) < 1:
                raise PresetError(f"{name} is {value}, expected 0 to below 1")
        if self.tokenizer is not None and self.task not in WORDS:
            raise PresetError(f"tokenizer is {self.tokenizer}, but {self.task} is none of {', '.join(WORDS)}")
        if self.token_dropout > 0 and self.embedding_size is None:
            raise PresetError("token_dropout is given without embedding_size: only there is token 0 padding")
        if not 0 <= self.positive_signs <= 1:
            raise PresetError(f"positive_signs is {self.positive_signs}, expected 0 to 1")
        if self.average is not None and not 0 < self.average < 1:
            raise PresetError(f"average is {self.average}, expected a number between 0 and 1")
        self._check_model()

    def output_on(self, task: Task) -> Literal["last", "all", "mean"]:
        """What the network answers of `task`. Raises `PresetError` for an `output` where the task wants all steps'."""
        if self.output is None:
            return task.output
        if task.output != "last":
            raise PresetError(
                f"output is {self.output!r}, but {task.name} wants an answer at every step; "
                "expected a task that wants one at the end"
            )
        return self.output

    def _check_model(self) -> None:
        if self.model in BASELINES:
            for name, value in _NO_HADAMARD.items():
                if (met := getattr(self, name)) != value:
                    raise PresetError(f"{name} is {met}, which the model {self.model} does not have")
            return
        if self.model != "hadamrnn":
            raise PresetError(f"model is {self.model!r}, expected hadamrnn, {', '.join(BASELINES)}")
        if self.recurrence not in RECURRENCES:
            raise PresetError(f"recurrence is {self.recurrence!r}, expected one of {', '.join(RECURRENCES)}")
        for name in ("weight_bits", "output_weight_bits", "bias_bits"):
            if (bits := getattr(self, name)) not in (None, "same", *range(1, 9)):
                raise PresetError(f"{name} is {bits}, expected 1 to 8, or None for float")
        if self.embedding_bits is not None and (self.embedding_bits != 8 or self.embedding_size is None):
            raise PresetError(
                f"embedding_bits is {self.embedding_bits}, expected None, or 8 with an embedding_size"
            )
        try:
            LayerCard(self.hidden_size, self.block_size or self.hidden_size)
        except HadamRNNError as error:
            raise PresetError(str(error).removeprefix("LayerCard.")) from None


#: What a preset says of the parts that a baseline lacks: nothing.
_NO_HADAMARD = {
    "block_size": None,
    "num_layers": 1,
    "recurrence": "linear",
    "weight_bits": None,
    "output_weight_bits": "same",
    "bias_bits": None,
    "embedding_bits": None,
    "sign_lr": None,
    "sign_schedule": None,
    "sign_decay": None,
    "sign_margin": 0.0,
    "weight_clip": None,
    "freeze_signs": False,
    "positive_signs": 0.0,
    "state_bits": None,
}

#: Signs as they are drawn, a cosine, a moving average, smoothed labels; windows may begin anywhere, so they are turned,
#: and the mean of all states is read.
_SENSORS = Preset(
    "har6",
    "har6",
    hidden_size=512,
    batch_size=100,
    epochs=25,
    lr=3e-3,
    bias_bits=8,
    schedule="cosine",
    freeze_signs=True,
    time_shift=64,
    label_smoothing=0.1,
    average=0.99,
    output="mean",
)
_PUBLISHED = (
    Preset("smnist", "smnist", hidden_size=512, batch_size=64, epochs=100, lr=1e-3),
    Preset("pmnist", "pmnist", hidden_size=512, batch_size=100, epochs=100, lr=1e-3),
    Preset("imdb", "imdb", 128, batch_size=100, epochs=30, lr=5e-4, decay=0.99, embedding_size=512),
    Preset("sst2", "sst2", 128, batch_size=100, epochs=30, lr=5e-4, decay=0.99, embedding_size=256),
    Preset("qqp", "qqp", 512, 20, epochs=50, lr=5e-4, decay=0.99, embedding_size=256, block_size=128),
    Preset("copy", "copy", hidden_size=128, batch_size=128, epochs=10, lr=1e-4, length=1000),
)
_OURS = (
    _SENSORS,
    replace(_SENSORS, name="har2", task="har2"),
    replace(_SENSORS, name="dsa19", task="dsa19"),
    replace(
        _SENSORS,
        name="digits",
        task="digits",
        block_size=8,
        epochs=60,
        time_shift=8,
        input_noise=0.3,
        output=None,
    ),
    replace(
        _SENSORS,
        name="fashion",
        task="fashion",
        epochs=8,
        time_shift=0,
        label_smoothing=0.0,
        average=0.995,
        output=None,
    ),
)
PRESETS = {preset.name: preset for preset in (*_PUBLISHED, *_OURS)}


def as_baseline(preset: Preset, model: str) -> Preset:
    """The preset for one of `BASELINES`, without what such a model lacks."""
    return replace(preset, model=model, **_NO_HADAMARD)  # type: ignore[arg-type]


def get_preset(name: str) -> Preset:
    """The preset `name`. Raises `PresetError` that lists those there are."""
    try:
        return PRESETS[name]
    except KeyError:
        raise PresetError(f"no preset {name!r}; there are {', '.join(PRESETS)}") from None

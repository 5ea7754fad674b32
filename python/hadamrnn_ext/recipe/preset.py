"""A recipe, field by field: the network that it describes for a task, and how the network is trained."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import Any, Literal, get_args, get_type_hints

from ..data.copy import LONGEST
from ..data.task import Task
from ..data.tasks import TEXTS
from ..errors import HadamRNNError
from ..file.card import MAX_LAYERS, MAX_WIDTH, Card, LayerCard
from ..file.pool import MAX_THRESHOLDS, MAX_TIME_CONSTANT, Pool
from .setting import (
    ABOVE_1,
    BELOW_1,
    BETWEEN,
    NOT_NEGATIVE,
    POSITIVE,
    SHARE,
    Idle,
    PresetError,
    bits,
    check,
    choice,
    document,
    neutral,
    number,
    of_card,
    switch,
    text,
    whole,
)

__all__ = ["BASELINES", "Preset"]

OUTPUTS = ("last", "mean")
RECURRENCES = get_args(get_type_hints(LayerCard)["recurrence"])
SCHEDULES = ("step", "cosine", "constant")
ACTIVATIONS = ("relu", "clip")
POOLED = ("both", "excess", "share")
#: Networks with float32 weights, for comparison (train/baselines.py), and how they are called in a table.
BASELINES = {
    "lstm": "LSTM",
    "gru": "GRU",
    "orthogonal": "orthogonal RNN",
    "fastgrnn": "FastGRNN",
    "cornn": "coRNN",
}
MODELS = ("hadamrnn", *BASELINES)
#: The learning rates that a search tries (train/rates.py), each for one SHORT-th of the epochs.
RATES, SHORT = (3e-2, 1e-2, 3e-3, 1e-3), 3
#: The fields of a network's card that come from the task.
OF_TASK = ("input", "input_size", "output_size", "preprocess", "labels")

_FROZEN = Idle(
    "the signs are frozen; `freeze_signs=False` lets them learn", lambda preset, task: preset.freeze_signs
)
_TOKENS = Idle(
    "it is for features, and the sequences are tokens", lambda preset, task: task.input == "tokens"
)
_FEATURES = Idle(
    "the sequences are features, and tokens alone have an embedding",
    lambda preset, task: task.input == "features",
)
_NO_EMBEDDING = Idle(
    "there is no embedding; `embedding_size` makes one", lambda preset, task: preset.embedding_size is None
)
_NO_POOL = Idle("there is no pool; `thresholds` makes one", lambda preset, task: preset.thresholds is None)
_VALUES = Idle("it is for classes, and the targets are values", lambda preset, task: task.answers is not None)
_FLOAT = Idle(
    "it is for weights of few bits, and none are",
    lambda preset, task: (
        preset.weight_bits is preset.bias_bits is None and preset.output_weight_bits in (None, "same")
    ),
)


def _no_decay(preset: Preset, task: Task) -> bool:
    """Whether `decay` affects neither the learning rate of the weights nor that of the signs."""
    as_weights = preset.freeze_signs or (preset.sign_schedule is None and preset.sign_decay is None)
    signs_decay = not as_weights and preset.sign_decay is None and preset.sign_schedule == "step"
    return preset.schedule != "step" and not signs_decay


_NO_STEP = Idle("it is of the schedule step", _no_decay)
_NO_SIGN_STEP = Idle(
    "it is of the schedule step", lambda preset, task: (preset.sign_schedule or preset.schedule) != "step"
)


#: The metadata that all fields about the latent signs' learning rate share.
_SIGNS: dict[str, Any] = {"baseline": None, "idle": (_FROZEN,)}
#: Those of the fields that only one of the networks for comparison has.
_FASTGRNN: dict[str, Any] = {"baseline": None, "of": "fastgrnn"}
_CORNN: dict[str, Any] = {"baseline": None, "of": "cornn"}


@dataclass(frozen=True)
class Preset:
    """A recipe. `dataclasses.replace` makes variants of it. Raises `PresetError` for values that make no sense.

    Examples:
        >>> from hadamrnn_ext import train
        >>> from hadamrnn_ext.data import tasks
        >>> preset, task = train.get_preset("copy"), tasks.load("copy", length=100)
        >>> preset.output_on(task), preset.card(task).output_size
        ('all', 9)
    """

    name: str = text(MISSING, "name of the recipe", option=None)
    task: str = text(MISSING, "name of the task whose data it is for", option=None)
    hidden_size: int = whole(MISSING, "n, the number of units in each layer")
    batch_size: int = whole(MISSING, "number of sequences per step of the optimizer")
    epochs: int = whole(MISSING, "number of passes over the training examples")
    lr: float = number(MISSING, "learning rate of Adam", POSITIVE)
    block_size: int | None = whole(
        None, "m, the order of the Hadamard blocks", none="one block of `hidden_size`", baseline=None
    )
    embedding_size: int | None = whole(
        None,
        "number of columns in a learned embedding of tokens",
        1,
        MAX_WIDTH,
        none="one-hot tokens",
        card=True,
        idle=(_FEATURES,),
    )
    num_layers: int = whole(1, "number of recurrent layers", 1, MAX_LAYERS, baseline=1)
    recurrence: str = choice(
        "linear", "function that is applied to the sum in each step", RECURRENCES, baseline="linear"
    )
    weight_bits: int | None = bits(4, "U, the input weights; 1 makes them ternary", baseline=None, card=True)
    output_weight_bits: int | Literal["same"] | None = bits(
        "same",
        "V, the output weights",
        baseline="same",
        expected="1 to 8, same for `weight_bits`",
        metavar="{1..8,same,float}",
        holds=lambda value: value in ("same", *range(1, 9)),
    )
    bias_bits: int | None = bits(None, "b, the biases", baseline=None, card=True)
    embedding_bits: int | None = bits(
        None, "the embedding, with a scale for each row", least=8, baseline=None, card=True
    )
    tokenizer: str | None = text(
        None,
        "name or folder of a tokenizer of transformers that splits texts into tokens; nothing is downloaded",
        none="the words of the training texts",
        metavar="NAME",
    )
    length: int | None = whole(
        None, "steps per sequence, for a task that generates its data", none="that of the data"
    )
    schedule: str = choice(
        "step",
        "how the learning rate changes from epoch to epoch: step multiplies it by `decay`, cosine lowers it from `lr` "
        "towards 0, constant keeps it",
        SCHEDULES,
    )
    decay: float = number(0.98, "factor per epoch for the schedule step", POSITIVE, idle=(_NO_STEP,))
    warmup: int = whole(0, "number of epochs in which the rate rises to the value that the schedule gives", 0)
    sign_lr: float | None = number(None, "learning rate of the latent signs", POSITIVE, none="`lr`", **_SIGNS)
    sign_schedule: str | None = choice(
        None, "schedule of the latent signs' learning rate", SCHEDULES, none="`schedule`", **_SIGNS
    )
    sign_decay: float | None = number(
        None,
        "factor per epoch for the latent signs' learning rate, with the schedule step",
        POSITIVE,
        none="`decay`",
        baseline=None,
        idle=(_FROZEN, _NO_SIGN_STEP),
    )
    sign_margin: float = number(
        0.0,
        "a latent sign that crosses zero is moved on to plus or minus this number, so that it does not flip back at once",
        NOT_NEGATIVE,
        baseline=0.0,
        idle=(_FROZEN,),
    )
    weight_clip: float | None = number(
        None,
        "clamps the quantized U, V and b to this many times their root mean square after each step, which makes the grid "
        "finer where the bits are few; 2.5 suits 3 and 4 bits",
        POSITIVE,
        none="no clamp",
        baseline=None,
        idle=(_FLOAT,),
    )
    freeze_signs: bool = switch(False, "leaves the signs as they were drawn", baseline=False)
    positive_signs: float = number(
        0.0,
        "share of the top layer's signs that start at +1; if all do, W W = I, and the state sums the words wherever "
        "they stand",
        SHARE,
        baseline=0.0,
        initial=True,
    )
    embedding_scale: float = number(
        1.0,
        "standard deviation of the initial embedding",
        POSITIVE,
        initial=True,
        idle=(_FEATURES, _NO_EMBEDDING),
    )
    token_dropout: float = number(0.0, "probability that a token is read as padding", BELOW_1)
    input_noise: float = number(
        0.0, "standard deviation of noise on normalized features", NOT_NEGATIVE, idle=(_TOKENS,)
    )
    time_shift: int = whole(
        0,
        "largest number of steps by which features are rotated in time: what leaves at one end enters at the other",
        0,
        LONGEST,
        idle=(_TOKENS,),
    )
    image_jitter: float = number(
        0.0,
        "largest number of pixels by which a random affine map moves the edges of an image that is read pixel by pixel",
        NOT_NEGATIVE,
        idle=(_TOKENS,),
    )
    joined: int = whole(
        0,
        "most steps of another sequence that come before each one in training, so that the network learns to let go of "
        "what was before",
        0,
        LONGEST,
        idle=(_TOKENS,),
    )
    grad_clip: float | None = number(None, "largest norm of the whole gradient", POSITIVE, none="no limit")
    label_smoothing: float = number(
        0.0, "probability that is shared equally among all classes", BELOW_1, idle=(_VALUES,)
    )
    average: float | None = number(
        None,
        "decay per step of the moving average of weights and latent signs that is validated and kept; 0.999 reaches back "
        "about 1000 steps",
        BETWEEN,
        none="the weights themselves",
    )
    state_bits: int | None = whole(
        None,
        "bits of the state, of an integer model that is trained and kept",
        8,
        16,
        expected="8 to 16",
        none="a float model",
        baseline=None,
    )
    output: Literal["last", "mean"] | None = choice(
        None,
        "what a network that answers once per sequence reads: the last state, or the mean of the states of all steps",
        OUTPUTS,
        none="what the task asks for",
    )
    decays: bool = switch(
        False, "gives each Hadamard block a learned decay, so that old input fades", baseline=False, card=True
    )
    longest: float = number(
        100.0,
        "the longest time constant, in steps, of the decays that are drawn; the shortest is one step",
        ABOVE_1,
        initial=True,
        idle=(Idle("nothing decays; `decays` makes it", lambda preset, task: not preset.decays),),
    )
    input_activation: str | None = choice(
        None,
        "function that is applied to the input U x + b of the first layer; clip limits it to -1 .. 1",
        ACTIVATIONS,
        none="no function",
        baseline=None,
        card=True,
    )
    differences: bool = switch(
        False,
        "reads the change of each feature since the step before as well",
        baseline=False,
        card=True,
        idle=(_TOKENS,),
    )
    thresholds: int | None = whole(
        None,
        "number of learned thresholds per unit of a pool, which is read instead of a state: how far and how often each "
        "unit is above them",
        1,
        MAX_THRESHOLDS,
        none="no pool",
        baseline=None,
    )
    pooled: str = choice(
        "both",
        "what the pool holds of each threshold: the mean excess, the share of the steps, or both",
        POOLED,
        baseline="both",
        idle=(_NO_POOL,),
    )
    time_constant: int | None = whole(
        None,
        "k of a pool of about the last 2^k steps, which suits streams without an end",
        1,
        MAX_TIME_CONSTANT,
        none="a pool of all steps",
        baseline=None,
        idle=(_NO_POOL,),
    )
    model: str = choice(
        "hadamrnn", "kind of network; all but hadamrnn are float32 networks in torch, for comparison", MODELS
    )
    input_rank: int | None = whole(
        None, "rank of the input matrix of fastgrnn", none="a full matrix", **_FASTGRNN
    )
    recurrent_rank: int | None = whole(
        None, "rank of the recurrent matrix of fastgrnn", none="a full matrix", **_FASTGRNN
    )
    dt: float | None = number(None, "time step of the oscillators of cornn", POSITIVE, none="0.1", **_CORNN)
    gamma: float | None = number(
        None, "stiffness of the oscillators of cornn", NOT_NEGATIVE, none="0.2", **_CORNN
    )
    epsilon: float | None = number(
        None, "damping of the oscillators of cornn", NOT_NEGATIVE, none="6.4", **_CORNN
    )

    def __post_init__(self) -> None:
        check(self)
        if self.tokenizer is not None and self.task not in TEXTS:
            raise PresetError(f"tokenizer is {self.tokenizer}, but {self.task} is none of {', '.join(TEXTS)}")
        for name in ("token_dropout", "embedding_bits"):
            if getattr(self, name) and self.embedding_size is None:
                raise PresetError(
                    f"{name} is {getattr(self, name)} without an embedding; expected an embedding_size too"
                )
        for name, value in neutral(Preset, self.model).items():
            if (met := getattr(self, name)) != value:
                raise PresetError(f"{name} is {met}, which the model {self.model} does not have")
        if self.model not in BASELINES:
            self._layer()

    def card(self, task: Task) -> Card:
        """The network of this recipe on `task`, as a model file describes it, without provenance.

        Raises `PresetError` where the task cannot have such a network.
        """
        output, layer, output_bits = self.output_on(task), self._layer(), self.output_weight_bits
        try:
            return Card(
                output=output,
                layers=(layer,) * self.num_layers,
                pool=self.pool,
                output_weight_bits=self.weight_bits if output_bits == "same" else output_bits,
                **{name: getattr(task, name) for name in OF_TASK},
                **{name: getattr(self, name) for name in of_card(Preset)},
            )
        except HadamRNNError as error:
            raise PresetError(f"{task.name} cannot have this network: {error}") from None

    @property
    def pool(self) -> Pool | None:
        """The pool that is read instead of a state, or None."""
        if self.thresholds is None:
            return None
        return Pool(self.thresholds, self.pooled != "share", self.pooled != "excess", self.time_constant)

    def output_on(self, task: Task) -> Literal["last", "all", "mean"]:
        """Which answers the network gives on `task`.

        Raises `PresetError` if the recipe sets `output` but the task wants an answer at every step.
        """
        if self.output is None:
            return task.output
        if task.output != "last":
            raise PresetError(
                f"output is {self.output!r}, but {task.name} wants an answer at every step; "
                "expected a task that wants one at the end"
            )
        return self.output

    def _layer(self) -> LayerCard:
        try:
            return LayerCard(self.hidden_size, self.block_size or self.hidden_size, self.recurrence)  # type: ignore[arg-type]
        except HadamRNNError as error:
            raise PresetError(str(error).removeprefix("LayerCard.")) from None


document(Preset)

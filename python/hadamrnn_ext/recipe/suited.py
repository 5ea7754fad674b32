"""Recipes made to measure: for your own data, or with the sizes of a model that is trained further."""

from __future__ import annotations

import dataclasses
import math

from ..data import custom
from ..data.task import Task
from ..model import Model
from .preset import Preset
from .setting import of_card

__all__ = ["sized_as", "suited", "suited_threads"]

STEPS = 3000  # training steps for small data sets, in as many epochs as they take
MOST_EPOCHS = 200
SMALL_STEP = 1 << 20  # numbers in all states of a batch


def sized_as(preset: Preset, model: Model) -> Preset:
    """The preset with the sizes, recurrence, bits, memory and output of a model.

    Examples:
        >>> from hadamrnn_ext import train
        >>> train.sized_as(train.get_preset("har2"), hr.load("har2-small")).hidden_size
        128
    """
    card, layer, pool = model.card, model.card.layers[0], model.card.pool
    same = card.output_weight_bits == card.weight_bits
    named = {name: getattr(card, name) for name in of_card(Preset)}
    switches = {name: bool(named[name]) for name in ("decays", "differences")}  # None in a card where absent
    return dataclasses.replace(
        preset,
        hidden_size=layer.hidden_size,
        block_size=None if layer.block_size == layer.hidden_size else layer.block_size,
        num_layers=len(card.layers),
        recurrence=layer.recurrence,
        output_weight_bits="same" if same else card.output_weight_bits,
        thresholds=None if pool is None else pool.thresholds,
        pooled="both" if pool is None or pool.excess == pool.share else "excess" if pool.excess else "share",
        time_constant=None if pool is None else pool.time_constant,
        **(named | switches),
        output="mean" if card.output == "mean" else None if preset.output is None else "last",
    )


def suited_threads(task: Task, preset: Preset) -> int | None:
    """One thread where a step is small, and otherwise None, which leaves torch's number of threads as it is.

    Measured on small steps, one thread is as fast as two: what they share takes about as long as the sharing.

    Examples:
        >>> from hadamrnn_ext import train
        >>> from hadamrnn_ext.data import tasks
        >>> train.suited_threads(tasks.load("copy", length=20), train.get_preset("copy"))
        1
    """
    return 1 if preset.batch_size * task.length * preset.hidden_size < SMALL_STEP else None


def suited(task: Task) -> Preset:
    """The recipe for a task of your own data.

    It has many units, so that the state keeps even the earliest inputs apart, and enough training steps where there are
    few examples. The signs stay as they were drawn, which suits few examples and converges early. The schedule is a
    cosine, and a moving average of the weights is kept. Tokens of a large vocabulary get an embedding, as in the
    recipes for texts.

    Examples:
        >>> from hadamrnn_ext import train
        >>> from hadamrnn_ext.data import tasks
        >>> train.suited(tasks.load("copy", length=100)).epochs
        10
    """
    count = len(task.train)
    batch_size = min(100, max(8, 1 << max(0, math.ceil(math.log2(max(count, 1) / 16)))))
    steps = math.ceil(count / batch_size)
    texts = task.input == "tokens" and task.input_size > 64
    preset = Preset(
        custom.NAME,
        task.name,
        hidden_size=256 if count < 30_000 else 512,
        batch_size=batch_size,
        epochs=min(MOST_EPOCHS, max(10, STEPS // steps)),
        lr=3e-3,
        schedule="cosine",
        freeze_signs=True,
        average=0.99,
        bias_bits=8 if task.answers is None else None,
        output_weight_bits="same" if task.answers is None else None,
        label_smoothing=0.0 if task.answers is not None else 0.1,
    )
    if texts:
        preset = dataclasses.replace(
            preset,
            bias_bits=None,
            embedding_size=32,
            embedding_scale=0.05,
            positive_signs=0.5,
            token_dropout=0.5,
            lr=2e-3,
        )
    return preset

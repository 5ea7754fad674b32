"""Integers and checks of the bundled models that answer on streams without an end, which `hadamrnn train NAME` makes.

    python tools/endless.py check har6-stream --steps 200000
    python tools/endless.py check digits-stream --model runs/digits-stream-0/model.safetensors
    python tools/endless.py int8 har6-stream --model runs/har6-stream-0/model.safetensors --out har6-stream-int8.safetensors

`check` reads the test data. Windows of har2-stream and har6-stream are classified alone, and joined in one stream that is never
reset; digits-stream hears the test words alone, and joined with pauses and noise. `int8` makes the integer model with 8 bits of
state, and trains its readout on what these integers give for the training data. Needs UCI HAR and FSDD, see `hadamrnn data`.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import hadamrnn_ext as hr
from hadamrnn_ext import audio, zoo
from hadamrnn_ext.data import continuous, fsdd, har, metrics, tasks
from hadamrnn_ext.data.task import Split, Task, calibration, evaluate
from hadamrnn_ext.file.codes import code_range
from hadamrnn_ext.file.tensors import pack_parameters
from hadamrnn_ext.model.classify import probabilities
from hadamrnn_ext.nn.quantize import quantize

NAMES = ("har2-stream", "har6-stream", "digits-stream")
#: Bits of the state and of the input of integer models.
STATE_BITS, INPUT_BITS = 8, 12
#: Of the training of a readout: steps, examples in each, rate and smoothing of labels; and every so manieth frame of speech.
READOUT_STEPS, BATCH, RATE, SMOOTHING, EVERY = 1500, 256, 1e-3, 0.1, 8


def features(model: hr.Model) -> hr.Model:
    """The model whose answers are what the readout of `model` multiplies."""
    width = model.card.output_width
    card = replace(model.card, output_size=width, output_weight_bits=None, labels=None)
    readout = {"output.weight": np.eye(width, dtype=np.float32), "output.bias": np.zeros(width, np.float32)}
    return hr.Model(card, pack_parameters(card, {**model.parameters(), **readout}))


def examples(reads: hr.Model, split: Split) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features (N, F) and classes (N,) of a split; of answers at every step some frames, of those that count."""
    rows, classes = [], []
    for start in range(0, len(split), 100):
        x, y = split.raw(slice(start, start + 100))
        found = reads.infer(x, num_threads=1)
        if found.ndim == 3:
            counts = (y != continuous.IGNORED) & (np.arange(y.shape[1]) % EVERY == start // 100 % EVERY)
            found, y = found[counts], y[counts]
        rows.append(found)
        classes.append(y)
    return np.concatenate(rows), np.concatenate(classes)


def int8(model: hr.Model, task: Task) -> hr.Model:
    """The integer model of a float model, its readout trained further on the features of these integers."""
    integers = model.quantize(calibration(task), STATE_BITS, INPUT_BITS)
    x, y = map(torch.from_numpy, examples(features(integers), task.train))
    torch.manual_seed(0)
    bits, known = model.card.output_weight_bits, integers.parameters()
    weight, bias = (torch.tensor(known[f"output.{name}"], requires_grad=True) for name in ("weight", "bias"))
    optimizer = torch.optim.Adam([weight, bias], RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, READOUT_STEPS)
    if bits is not None:  # so that the largest weight is the largest code again, as `nn.from_native` has it
        low, high = code_range(bits)
        with torch.no_grad():
            weight[weight == weight.max()] *= -low / high if weight.max() >= -weight.min() else 1.0
    for _ in range(READOUT_STEPS):
        some = torch.randint(len(x), (BATCH,))
        logits = torch.nn.functional.linear(x[some], quantize(weight, bits), bias)
        if logits.shape[1] == 1:  # that of the second class
            logits = torch.nn.functional.pad(logits, (1, 0))
        loss = torch.nn.functional.cross_entropy(logits, y[some], label_smoothing=SMOOTHING)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    readout = {"output.weight": weight.detach().numpy(), "output.bias": bias.detach().numpy()}
    packed = pack_parameters(integers.card, {**known, **readout})
    return with_scores(hr.Model(integers.card, packed), task)


def with_scores(model: hr.Model, task: Task) -> hr.Model:
    """The model, whose card has its scores."""
    training = model.card.training
    assert training is not None
    scores = {
        f"{name}_{score}": value
        for name, split in (("val", task.validation), ("test", task.test))
        for score, value in evaluate(model.infer, task, split, raw=True).items()
    }
    return model.with_card(replace(model.card, training=replace(training, metrics=scores)))


def joined(model: hr.Model, task: Task, steps: int) -> None:
    """Prints accuracy on test windows alone, and at the ends of windows of one stream that is never reset."""
    alone = evaluate(lambda x: model.infer(x, num_threads=1), task, task.test, raw=True)["accuracy"]
    inputs, classes = task.test.raw(slice(None))
    rng, stream = np.random.default_rng(0), model.stream()
    count = -(-steps // inputs.shape[1])
    rounds = -(-count // len(inputs))
    order = np.concatenate([rng.permutation(len(inputs)) for _ in range(rounds)])[:count]
    right = metrics.predicted(np.stack([stream.run(inputs[i]) for i in order])) == classes[order]
    print(
        f"windows alone {alone:.2%}, these windows at the ends in one stream of {count * inputs.shape[1]:,} steps "
        f"{right.mean():.2%}"
    )


def walking(model: hr.Model) -> None:
    """Prints how often a stream of the test windows of walking says walking, from the second window on."""
    _, test = har.read()
    stream = model.stream()
    walks = np.concatenate(test.inputs[test.classes == 0])
    said = metrics.predicted(np.stack([stream.step(step) for step in walks]))[test.inputs.shape[1] :]
    print(f"joined walking: {np.mean(said == 0):.2%} of {len(said):,} steps say walking")


def speech(model: hr.Model) -> None:
    """Prints the accuracy on single test words, and the words found and false alarms in tracks of all of them."""
    _, spoken = continuous.words()
    _, test = fsdd.read()
    last = model.infer(test.inputs, num_threads=1)[:, -1]
    print(
        f"single words: {np.mean(last[:, :-1].argmax(1) == test.classes):.2%} right of the ten digits at the last frame"
    )
    for seed in range(3):
        heard = continuous.track(spoken, np.random.default_rng(seed), 0.003)
        stream = model.stream()
        answers = np.concatenate([stream.run(part) for part in np.array_split(heard.frames, 500)])
        found = continuous.counted(continuous.events(probabilities(answers, every_step=True)), heard)
        minutes = len(heard.frames) * audio.HOP / fsdd.RATE / 60
        print(
            f"track {seed} of {minutes:.1f} minutes: {found.right:.1%} of {len(heard.spoken)} words found and right, "
            f"{found.false:.2f} false alarms a minute"
        )


def main() -> None:
    given: Any = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    given.add_argument("what", choices=("check", "int8"))
    given.add_argument("name", choices=NAMES)
    given.add_argument("--model", help="a model file instead of the bundled model")
    given.add_argument("--steps", type=int, default=200_000, help="of the stream of windows")
    given.add_argument("--out", help="the file of the integer model")
    given = given.parse_args()
    model = zoo.load(given.model or given.name)
    if given.what == "int8":
        task = tasks.load(given.name if given.name in tasks.NAMES else given.name.removesuffix("-stream"))
        found = int8(model, task)
        found.save(given.out or f"{given.name}-int8.safetensors")
        print(f"{given.name}: {found.card.training}")
        return
    print(f"{given.name}: {model.describe().payload_bytes:,} bytes of payload")
    if given.name == "digits-stream":
        speech(model)
    else:
        joined(model, tasks.load(given.name.removesuffix("-stream")), given.steps)
        if given.name == "har6-stream":
            walking(model)


if __name__ == "__main__":
    main()

"""Integers and checks of the bundled models that answer on streams without an end, which `hadamrnn train NAME` makes.

    python tools/endless.py check har6-stream --steps 200000
    python tools/endless.py check digits-stream --model runs/digits-stream-0/model.safetensors
    python tools/endless.py readout digits-stream --model runs/digits-stream-0/model.safetensors --out digits-stream.safetensors
    python tools/endless.py int8 digits-stream --model digits-stream.safetensors --out digits-stream-int8.safetensors

`check` reads the test data. Windows of har2-stream and har6-stream are classified alone, and joined in one stream that is never
reset; digits-stream hears the test words alone, and joined with pauses and noise. `readout` trains the readout of a
model further, on its features of the training data; `int8` does the same to its integer model with 8 bits of state. Needs UCI HAR and FSDD, see `hadamrnn data`.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hadamrnn_ext as hr
from hadamrnn_ext import zoo
from hadamrnn_ext.data import continuous, fsdd, har, metrics, tasks
from hadamrnn_ext.data.task import Split, Task, calibration, evaluate
from hadamrnn_ext.file.codes import code_range
from hadamrnn_ext.file.tensors import pack_parameters
from hadamrnn_ext.model.classify import probabilities

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


def readout(model: hr.Model, task: Task) -> hr.Model:
    """The model, its readout trained further on the features that it gives for the training data."""
    import torch  # `check` needs none

    from hadamrnn_ext.nn.quantize import quantize

    x, y = map(torch.from_numpy, examples(features(model), task.train))
    torch.manual_seed(0)
    bits, known = model.card.output_weight_bits, model.parameters()
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
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    learned = {"output.weight": weight.detach().numpy(), "output.bias": bias.detach().numpy()}
    packed = pack_parameters(model.card, {**known, **learned})
    return with_scores(hr.Model(model.card, packed), task)


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


def joined(model: hr.Model, task: Task, steps: int) -> tuple[float, float]:
    """The accuracy on test windows alone, and at their ends in one stream of so many steps that is never reset."""
    inputs, classes = task.test.raw(slice(None))
    alone = metrics.predicted(model.infer(inputs, num_threads=1)) == classes
    rng, stream = np.random.default_rng(0), model.stream()
    count = -(-steps // inputs.shape[1])
    rounds = -(-count // len(inputs))
    order = np.concatenate([rng.permutation(len(inputs)) for _ in range(rounds)])[:count]
    answers = metrics.predicted(np.stack([stream.run(inputs[i]) for i in order]))
    return float(np.mean(alone[order])), float(np.mean(answers == classes[order]))


def walking(model: hr.Model) -> float:
    """How often a stream of all test windows of walking says walking, from the second window on."""
    _, test = har.read()
    stream = model.stream()
    walks = np.concatenate(test.inputs[test.classes == har.ACTIVITIES.index("walking")])
    said = metrics.predicted(np.stack([stream.step(step) for step in walks]))[test.inputs.shape[1] :]
    return float(np.mean(said == har.ACTIVITIES.index("walking")))


def single(model: hr.Model) -> float:
    """The share of the test words of FSDD, each alone, whose digit is the most probable one at the last frame."""
    _, test = fsdd.read()
    last = model.infer(test.inputs, num_threads=1)[:, -1]
    return float(np.mean(last[:, : len(fsdd.CLASSES)].argmax(axis=1) == test.classes))


def speech(model: hr.Model, noise: float, seed: int = 0) -> continuous.Found:
    """What a stream finds of all test words of FSDD, joined with pauses and noise."""
    _, spoken = continuous.words()
    heard = continuous.track(spoken, np.random.default_rng(seed), noise)
    stream = model.stream()
    answers = np.concatenate([stream.run(part) for part in np.array_split(heard.frames, 500)])
    return continuous.counted(continuous.events(probabilities(answers, every_step=True)), heard)


def main() -> None:
    given: Any = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    given.add_argument("what", choices=("check", "readout", "int8"))
    given.add_argument("name", choices=NAMES)
    given.add_argument("--model", help="a model file instead of the bundled model")
    given.add_argument("--steps", type=int, default=200_000, help="of the stream of windows")
    given.add_argument("--out", help="the file of the new model")
    given = given.parse_args()
    model = zoo.load(given.model or given.name)
    name = given.name if given.name in tasks.NAMES else given.name.removesuffix("-stream")
    if given.what != "check":
        task = tasks.load(name)
        if given.what == "int8":
            model = model.quantize(calibration(task), STATE_BITS, INPUT_BITS)
        found = readout(model, task)
        found.save(given.out or f"{given.name}.safetensors")
        print(f"{given.name}: {found.card.training}")
        return
    print(f"{given.name}: {model.describe().payload_bytes:,} bytes of payload")
    if given.name.startswith("digits"):
        print(f"single words: {single(model):.2%} right at the last frame")
        for noise in (0.0, 0.003):
            found = np.mean([speech(model, noise, seed) for seed in range(3)], axis=0)
            print(
                f"three tracks, noise of {noise}: {found[0]:.1%} of the words, {found[1]:.2f} false alarms a minute"
            )
        return
    alone, inside = joined(model, tasks.load(name), given.steps)
    print(f"windows alone {alone:.2%}, at their ends in one stream of {given.steps:,} steps {inside:.2%}")
    if name == "har6":
        print(f"joined walking: {walking(model):.2%} of the steps say walking")


if __name__ == "__main__":
    main()

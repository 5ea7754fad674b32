"""Writes tests/traces/files.txt: model files, raw inputs, and the logits that ``Model.infer`` gives.

    python tools/write_file_traces.py [FILE]

The C++ test program reads each model with ``hadamrnn::load`` and must give the same bits (cpp/tests/test_load.cpp), and so
must Python (tests/test_file_traces.py). Write it anew when a bundled model changes, or to add cases.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import hadamrnn_ext as hr
from hadamrnn_ext import disk
from hadamrnn_ext.file.card import Card, LayerCard
from hadamrnn_ext.file.drawn import Drawn
from hadamrnn_ext.file.format import SUFFIX
from hadamrnn_ext.file.pool import Pool
from hadamrnn_ext.file.preprocess import Normalization, Permutation, Preprocess
from hadamrnn_ext.file.storage import Coded
from hadamrnn_ext.file.tensors import drawn_codes, parameter_shapes
from hadamrnn_ext.model import Model
from write_traces import line

HEADER = """\
# Model files, raw inputs and logits, written by tools/write_file_traces.py in the format of golden.txt.
# file: the path of a model file, from the root of the repository; or content: the bytes of one in hexadecimal.
# type: what the numbers x or tokens are before they are given to the model (x holds them exactly). y: Model.infer.
"""
ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "tests" / "traces" / "files.txt"
GOLDEN = "tests/golden_files"
BUNDLED = "python/hadamrnn_ext/zoo/pretrained"

Array = NDArray[Any]


class Case(NamedTuple):
    """A model, where it is, and input as ``infer`` takes it."""

    name: str
    model: Model
    file: str | None
    x: Array
    lengths: Array | None = None


def bundled() -> Iterator[Case]:
    """Every bundled model with one or two of its samples, cut short where they are long."""
    folder = resources.files("hadamrnn_ext.zoo") / "pretrained"
    for path in sorted(item.name for item in folder.iterdir() if item.name.endswith(SUFFIX)):
        name = path.removesuffix(SUFFIX)
        model, (samples, _) = hr.load(name), hr.zoo.samples(name)
        if model.card.preprocess.vocabulary is not None:
            values, lengths, _, _ = model.prepare(list(samples[:2]))
            yield Case(name, model, f"{BUNDLED}/{path}", values, lengths)
            continue
        samples = np.asarray(samples)
        if samples.dtype == np.uint8:
            x = samples[:1].reshape(1, -1, 1)
        else:
            x = samples[:1, :24] if samples.ndim == 3 else samples[:1, :150].astype(np.int32)
        yield Case(name, model, f"{BUNDLED}/{path}", x)


def golden_files() -> Iterator[Case]:
    """Files of every version of the format."""
    features = ((np.arange(12) * 5 % 7 - 3) / 4).reshape(2, 3, 2).astype(np.float32)
    tokens = np.array([[1, 2, 3, 0, 4], [4, 4, 1, 2, 2]], np.int32)
    for path in sorted((ROOT / GOLDEN).glob("*.safetensors")):
        model = Model.load(path)
        x = tokens if model.card.input == "tokens" else features
        permuted = model.card.preprocess.permutation is not None
        lengths = None if permuted else np.array([x.shape[1], 2])
        yield Case(path.stem, model, f"{GOLDEN}/{path.name}", x, lengths)


PIXELS = Preprocess(0.004, Permutation(92916, 24), Normalization((0.5,), (0.25,)))
FAR = Preprocess(normalization=Normalization((1.7e9, 3.0), (20.0, 0.5)))
DRAWN: dict[str, Any] = {"decays": True, "bias_bits": 1, "sizes": ((24, 4),), "shape": (1, 9)}
KINDS: dict[str, dict[str, Any]] = {
    "backwards": {"bidirectional": True, "recurrence": "modrelu", "bias_bits": 3, "lengths": True},
    "backwards-all": {"bidirectional": True, "output": "all", "sizes": ((24, 12),), "lengths": True},
    "backwards-words": {"bidirectional": True, "input": "tokens", "input_size": 5, "embedding_size": 3},
    "paley2": {"sizes": ((72, 36),), "weight_bits": None, "output_weight_bits": None},
    "williamson": {"sizes": ((104, 104),), "recurrence": "relu", "weight_bits": 1, "output_weight_bits": 8},
    "layers": {"sizes": ((56, 28), (24, 12), (8, 8)), "recurrence": "modrelu", "output": "mean"},
    "sign": {"sizes": ((40, 20), (16, 16)), "recurrence": "sign", "output": "all", "bias_bits": 8},
    "permuted-pixels": {"preprocess": PIXELS, "input_size": 1, "shape": (2, 24), "type": np.uint8},
    "far-from-zero": {"preprocess": FAR, "type": np.float64, "offset": (1_700_000_000, 3)},
    "whole-numbers": {
        "preprocess": Preprocess(normalization=Normalization((5, 3), (2, 9))),
        "type": np.int16,
    },
    "forgets": {
        "decays": True,
        "input_activation": "clip",
        "differences": True,
        "pool": Pool(3),
        "output": "all",
    },
    "running": {
        "decays": True,
        "pool": Pool(2, share=False, time_constant=4),
        "sizes": ((48, 24),),
        "lengths": True,
    },
    "drawn": {**DRAWN, "drawn": Drawn(7, 31, 100), "input_activation": "relu", "sizes": ((20, 20),)},
    "drawn-linear": {**DRAWN, "drawn": Drawn(92916, 31, 150), "input_size": 5},
    "drawn-words": {**DRAWN, "drawn": Drawn(4294967295, 44, 171), "input": "tokens", "input_size": 7},
}
INTEGERS = (
    *("paley2", "layers", "sign", "permuted-pixels", "far-from-zero", "forgets"),
    *("drawn", "drawn-linear", "drawn-words"),
)


def made() -> Iterator[Case]:
    """Models of kinds that no file above has, with random parameters."""
    for seed, (name, fields) in enumerate(KINDS.items()):
        rng = np.random.default_rng(seed)
        own = {
            key: fields[key]
            for key in fields.keys() - {"sizes", "recurrence", "lengths", "shape", "type", "offset"}
        }
        layers = tuple(
            LayerCard(n, m, fields.get("recurrence", "linear")) for n, m in fields.get("sizes", ((16, 8),))
        )
        card = Card(
            **{
                "input": "features",
                "output": "last",
                "input_size": 2,
                "output_size": 3,
                "layers": layers,
                **own,
            }
        )
        parameters: dict[str, Any] = {
            key: rng.integers(0, 256, shape).astype(np.uint8)
            if key.endswith(".decays")
            else rng.normal(size=shape)
            for key, shape in parameter_shapes(card).items()
        }
        if card.drawn is not None:
            parameters |= _of_seed(card, card.drawn)
        model = Model.from_parameters(card, parameters)
        batch, steps = fields.get("shape", (3, 7))
        x = _input(rng, card, (batch, steps), fields)
        lengths = rng.integers(1, steps + 1, batch) if "lengths" in fields else None
        yield Case(name, model, None, x, lengths)
        if name in INTEGERS:
            yield Case(f"{name}-int12", model.quantize(x, 12, readout="integer"), None, x, lengths)


def _of_seed(card: Card, drawn: Drawn) -> dict[str, Any]:
    layer = card.layers[0]
    return {
        "input.weight": Coded(drawn_codes(card), np.float32(0.75)),
        "layers.0.signs": drawn.signs(layer.hidden_size),
        "layers.0.bias": np.zeros(layer.hidden_size, np.float32),
        "layers.0.decays": drawn.decays(layer.hidden_size // layer.block_size),
    }


def _input(rng: np.random.Generator, card: Card, shape: tuple[int, int], fields: dict[str, Any]) -> Array:
    if card.input == "tokens":
        return rng.integers(0, card.input_size, shape).astype(np.int32)
    kind = np.dtype(fields.get("type", np.float32))
    if kind == np.float32:
        return rng.normal(size=(*shape, card.input_size)).astype(kind)
    whole = rng.integers(0, 256, (*shape, card.input_size)) + np.array(fields.get("offset", 0))
    typed: Array = whole.astype(kind)
    return typed


def lines(case: Case) -> Iterator[str]:
    yield f"case {case.name}"
    yield f"content word - {case.model.to_bytes().hex()}" if case.file is None else f"file word - {case.file}"
    yield f"type word - {case.x.dtype.name}"
    yield line("tokens" if case.model.card.input == "tokens" else "x", _exactly(case.x))
    if case.lengths is not None:
        yield line("lengths", case.lengths)
    yield line("y", case.model.infer(case.x, case.lengths))


def _exactly(x: Array) -> Array:
    """The same numbers as float32 or int32."""
    stored = x if x.dtype == np.float32 else x.astype(np.int64)
    assert (stored == x).all()
    return stored


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    cases = [*bundled(), *golden_files(), *made()]
    body = "\n".join(text for case in cases for text in lines(case))
    disk.write(target, f"{HEADER}{body}\n".encode())
    print(f"{target}: {len(cases)} cases, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()

"""ONNX graphs of integer models, of a step and of whole sequences, run by onnxruntime: the bits of Model."""

from __future__ import annotations

import numpy as np
import pytest

import hadamrnn_ext as hr
from drawn import draw, forgetting_model, same
from hadamrnn_ext.file.card import LayerCard
from hadamrnn_ext.file.pool import Pool
from onnx_kinds import OnnxStream, assert_close, run

pytest.importorskip("onnx")

KINDS = {
    "linear": {"sizes": ((64, 64),), "input_size": 1},
    "all": {"sizes": ((48, 16),), "input_size": 4, "output": "all"},
    "modrelu": {"sizes": ((48, 24),), "recurrence": "modrelu"},
    "relu": {"sizes": ((56, 28),), "recurrence": "relu", "output": "mean"},
    "sign": {"sizes": ((20, 20), (16, 16)), "recurrence": "sign"},
    "layers": {"sizes": ((24, 12), (16, 16), (8, 1)), "output": "mean"},
    "one-hot": {"sizes": ((32, 32),), "input": "tokens", "input_size": 10, "output": "all"},
    "embedding": {"sizes": ((16, 4),), "input": "tokens", "input_size": 7, "embedding_size": 5},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("bits", "readout"), [(8, "integer"), (12, "integer"), (16, "integer"), (12, "float")]
)
def test_the_bits_of_a_stream(rng, make_model, tmp_path, kind, bits, readout):
    floats = make_model(rng, **KINDS[kind])
    x = draw(rng, floats, 3, 60)
    model = floats.quantize(x, bits, readout=readout)
    theirs = OnnxStream(hr.export.onnx(model, tmp_path / "step.onnx", step=True), 3)
    ours = model.stream(3)
    for t in range(60):
        logits, expected = theirs.step(x[:, t]), ours.step(x[:, t])
        if readout == "integer":
            same(logits, expected)
        else:  # the states are equal; floats are added in another order
            assert_close(logits, expected)
    if len(floats.card.layers) == 1 and floats.card.output != "mean":
        scale = np.float32(model.card.integer.layers[0].state_scale)
        same(theirs.state["state_0"].astype(np.float32) * scale, ours.state[0])


@pytest.mark.parametrize("name", ["smnist-int12", "copy-int12", "har6-int12", "digits-int12"])
def test_bundled_models(tmp_path, name):
    model, (samples, _) = hr.load(name), hr.zoo.samples(name)
    x = np.asarray(samples)[:2]
    x = x.reshape(2, 784, 1)[:, 200:400] if x.dtype == np.uint8 else x[:, :100]
    theirs = OnnxStream(hr.export.onnx(model, tmp_path / "step.onnx", step=True), 2)
    ours = model.stream(2)
    for t in range(x.shape[1]):
        same(theirs.step(x[:, t]), ours.step(x[:, t]))
    assert (tmp_path / "step.onnx").stat().st_size < 70_000


FORGETTING = {
    "state": {"pool": None},
    "mean": {"output": "mean", "differences": True},
    "pool": {"pool": Pool(2), "differences": True, "input_activation": "clip"},
    "excess at every step": {"pool": Pool(2, share=False), "output": "all", "input_activation": "relu"},
    "running": {
        "pool": Pool(2, time_constant=3),
        "differences": True,
        "input_activation": "clip",
        "output": "all",
    },
    "running share": {
        "pool": Pool(1, excess=False, time_constant=2),
        "decays": None,
        "input_activation": "clip",
    },
    "relu": {"layers": (LayerCard(40, 20, "relu"),), "pool": Pool(3), "bias_bits": 8},
    "tokens": {
        "input": "tokens",
        "input_size": 9,
        "input_activation": "relu",
        "pool": Pool(1, time_constant=2),
    },
}


def forgetting(rng, fields, bits, readout):
    floats = forgetting_model(rng, **{"layers": (LayerCard(48, 16),), **fields})
    assert floats.card.forgets
    x = draw(rng, floats, 3, 40)
    return floats.quantize(x, bits, readout=readout), x


@pytest.mark.parametrize("kind", FORGETTING)
@pytest.mark.parametrize(
    ("bits", "readout"), [(8, "integer"), (13, "integer"), (16, "integer"), (12, "float")]
)
def test_the_bits_of_a_stream_that_forgets(rng, tmp_path, kind, bits, readout):
    model, x = forgetting(rng, FORGETTING[kind], bits, readout)
    theirs = OnnxStream(hr.export.onnx(model, tmp_path / "step.onnx", step=True), 3)
    ours = model.stream(3)
    for t in range(x.shape[1]):
        agree(theirs.step(x[:, t]), ours.step(x[:, t]), readout)


def agree(logits, expected, readout):
    """An integer readout has the same bits; floats are added in another order."""
    (same if readout == "integer" else assert_close)(logits, expected)


@pytest.mark.parametrize("kind", [*KINDS, *FORGETTING])
@pytest.mark.parametrize(("bits", "readout"), [(8, "integer"), (16, "integer"), (12, "float")])
def test_whole_sequences(rng, make_model, tmp_path, kind, bits, readout):
    if kind in FORGETTING:
        model, x = forgetting(rng, FORGETTING[kind], bits, readout)
    else:
        floats = make_model(rng, **KINDS[kind])
        x = draw(rng, floats, 3, 40)
        model = floats.quantize(x, bits, readout=readout)
    path = hr.export.onnx(model, tmp_path / "net.onnx")
    for part in (x, x[:1, :1], x[:2, :7]):
        agree(run(path, part), model.infer(part), readout)
    lengths = np.array([40, 1, 17])
    path = hr.export.onnx(model, tmp_path / "lengths.onnx", lengths=True)
    agree(run(path, x, lengths), model.infer(x, lengths), readout)


@pytest.mark.parametrize("name", ["pmnist-int12", "har6-int12", "har2-int12", "digits-stream-int8"])
def test_whole_sequences_of_bundled_models(tmp_path, name):
    model, (samples, _) = hr.load(name), hr.zoo.samples(name)
    x = np.asarray(samples)[:2]
    x = x.reshape(2, 784, 1) if x.dtype == np.uint8 else x
    path = hr.export.onnx(model, tmp_path / "net.onnx")
    agree(run(path, x), model.infer(x), model.card.integer.readout)
    assert path.stat().st_size < 150_000

"""ONNX graphs of one step of an integer model, run by onnxruntime: the bits of Model.stream."""

from __future__ import annotations

import numpy as np
import pytest

import hadamrnn_ext as hr
from drawn import draw, same
from hadamrnn_ext.errors import InputError
from hadamrnn_ext.file.pool import Pool
from onnx_kinds import OnnxStream, assert_close

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


def test_integers_of_a_network_that_forgets_are_refused(rng, make_model, tmp_path):
    floats = make_model(rng, decays=True, pool=Pool(1))
    model = floats.quantize(draw(rng, floats, 2, 5))
    with pytest.raises(InputError, match=r"integer model; expected the float model that it was made of$"):
        hr.export.onnx(model, tmp_path / "net.onnx", step=True)

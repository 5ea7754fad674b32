"""ONNX graphs of one step with the state outside, run by onnxruntime over many steps: the logits of Model.stream."""

from __future__ import annotations

import numpy as np
import pytest

import hadamrnn_ext as hr
from drawn import draw
from hadamrnn_ext import cli
from hadamrnn_ext.errors import InputError
from hadamrnn_ext.file.pool import Pool
from hadamrnn_ext.file.preprocess import Normalization, Permutation, Preprocess
from onnx_kinds import KINDS, OnnxStream, assert_close, fitted

onnx = pytest.importorskip("onnx")


def compare(model, path, x, **options):
    """Both streams of x (B, T, ..), step by step."""
    hr.export.onnx(model, path, step=True, **options)
    onnx.checker.check_model(str(path), full_check=True)
    theirs, ours = OnnxStream(path, len(x)), model.stream(len(x), raw=not options.get("preprocess", True))
    for t in range(x.shape[1]):
        assert_close(theirs.step(x[:, t]), ours.step(x[:, t]))


@pytest.mark.parametrize("kind", KINDS)
def test_many_steps(rng, make_model, tmp_path, kind):
    model = make_model(rng, **KINDS[kind])
    for batch, steps in ((1, 1), (3, 200)):
        compare(model, tmp_path / "step.onnx", draw(rng, model, batch, steps))


def test_the_state_is_that_of_the_stream(rng, make_model, tmp_path):
    fields = {"decays": True, "differences": True, "pool": Pool(2, time_constant=3)}
    model = make_model(rng, sizes=((24, 12), (16, 8)), **fields)
    path = hr.export.onnx(model, tmp_path / "step.onnx", step=True)
    theirs, ours = OnnxStream(path, 2), model.stream(2)
    x = draw(rng, model, 2, 40)
    for t in range(40):
        theirs.step(x[:, t])
    ours.run(x)
    first, second, pool, last = ours.state
    assert_close(theirs.state["state_0"], first)
    assert_close(theirs.state["state_1"], second)
    assert_close(theirs.state["pool"], pool[:, :-1].astype(np.float32))
    np.testing.assert_array_equal(theirs.state["last"], last[:, :-1].astype(np.float32))
    np.testing.assert_array_equal(theirs.state["count"], [40, 40])


@pytest.mark.parametrize("recurrence", ["linear", "modrelu", "sign"])
def test_nan_stays_nan(rng, make_model, tmp_path, recurrence):
    fields = {"pool": Pool(1), "input_activation": "clip", "differences": True}
    model = make_model(rng, sizes=((24, 12),), recurrence=recurrence, **fields)
    x = draw(rng, model, 2, 6)
    x[1, 0, 0] = np.nan  # in the first step, which has no change
    theirs = OnnxStream(hr.export.onnx(model, tmp_path / "step.onnx", step=True), 2)
    ours = model.stream(2, check_finite=False)
    for t in range(6):
        logits = theirs.step(x[:, t])
        np.testing.assert_array_equal(np.isnan(logits), np.isnan(ours.step(x[:, t])))
        assert np.isnan(logits[1]).all()


def test_preprocessing_is_in_the_graph_or_left_out(rng, make_model, tmp_path):
    rules = Preprocess(uint8_scale=1 / 255, normalization=Normalization((0.1, 0.2), (0.5, 2.0)))
    model = make_model(rng, sizes=((16, 16),), preprocess=rules, output="all", differences=True)
    pixels = rng.integers(0, 256, (3, 12, 2), dtype=np.uint8)
    compare(model, tmp_path / "raw.onnx", pixels)
    compare(model, tmp_path / "bare.onnx", model.prepare(pixels).values, preprocess=False)


@pytest.mark.parametrize("name", ["smnist", "copy", "har6", "digits"])
def test_bundled_models(tmp_path, name):
    model, (samples, _) = hr.load(name), hr.zoo.samples(name)
    x = np.asarray(samples)[:2]
    x = x.reshape(2, 784, 1) if x.dtype == np.uint8 else x[:, :200]
    compare(model, tmp_path / "step.onnx", x)
    assert (tmp_path / "step.onnx").stat().st_size < 150_000


@pytest.mark.filterwarnings("ignore:a sequence has more than 4 times")
def test_a_fitted_model_over_many_steps(tmp_path):
    """What hr.fit makes of a stream without an end: running means and decays."""
    model, x = fitted()
    assert model.card.forgets
    compare(model, tmp_path / "step.onnx", np.tile(x[:4], (1, 20, 1)))


def test_what_has_no_step_is_refused(rng, make_model, tmp_path):
    path = tmp_path / "step.onnx"
    permuted = make_model(rng, sizes=((16, 16),), preprocess=Preprocess(permutation=Permutation(5, 12)))
    with pytest.raises(InputError, match="permutes whole sequences; expected step=False"):
        hr.export.onnx(permuted, path, step=True)
    with pytest.raises(InputError, match="both directions"):
        hr.export.onnx(make_model(rng, bidirectional=True), path, step=True)
    with pytest.raises(InputError, match="step and lengths are both set"):
        hr.export.onnx(make_model(rng), path, step=True, lengths=True)
    compare(permuted, path, draw(rng, permuted, 2, 9), preprocess=False)  # in the order of the network


def test_the_command(rng, make_model, tmp_path, capsys):
    model = make_model(rng)
    model.save(tmp_path / "net.safetensors")
    out = tmp_path / "net.onnx"
    assert cli.main(["export", str(tmp_path / "net.safetensors"), "--onnx", str(out), "--step"]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    x, stream = draw(rng, model, 1, 5), model.stream(1)
    theirs = OnnxStream(out, 1)
    for t in range(5):
        assert_close(theirs.step(x[:, t]), stream.step(x[:, t]))

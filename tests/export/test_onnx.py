"""ONNX graphs, run by onnxruntime: the logits of Model.infer and of the golden model."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hadamrnn_ext as hr
from drawn import draw
from hadamrnn_ext import cli
from hadamrnn_ext.errors import InputError
from hadamrnn_ext.file.pool import Pool
from hadamrnn_ext.file.preprocess import Normalization, Permutation, Preprocess
from onnx_kinds import KINDS, assert_close, fitted, run

onnx = pytest.importorskip("onnx")


@pytest.mark.parametrize("kind", KINDS)
def test_logits_with_any_batch_and_time(rng, make_model, tmp_path, kind):
    model = make_model(rng, **KINDS[kind])
    path = hr.export.onnx(model, tmp_path / "net.onnx")
    onnx.checker.check_model(str(path), full_check=True)
    for batch, steps in ((1, 1), (3, 30), (2, 7)):
        x = draw(rng, model, batch, steps)
        assert_close(run(path, x), model.infer(x))


@pytest.mark.parametrize("recurrence", ["linear", "relu", "modrelu", "sign"])
@pytest.mark.parametrize("output", ["last", "all", "mean"])
def test_nan_stays_nan(rng, make_model, tmp_path, output, recurrence):
    model = make_model(rng, sizes=((24, 12), (16, 16)), output=output, recurrence=recurrence)
    x = draw(rng, model, 3, 9)
    x[1, 4, 0] = np.nan
    logits = run(hr.export.onnx(model, tmp_path / "net.onnx"), x)
    expected = model.infer(x, check_finite=False)
    assert np.isnan(expected[1, 4:] if output == "all" else expected[1]).all()
    np.testing.assert_array_equal(np.isnan(logits), np.isnan(expected))


@pytest.mark.parametrize("phi", ["relu", "clip"])
@pytest.mark.parametrize(
    ("pool", "output"), [(Pool(2), "last"), (Pool(1, excess=False, time_constant=3), "all")]
)
def test_nan_stays_nan_in_a_network_that_forgets(rng, make_model, tmp_path, pool, output, phi):
    fields = {"pool": pool, "output": output, "input_activation": phi, "decays": True, "differences": True}
    model = make_model(rng, sizes=((24, 12),), **fields)
    x = draw(rng, model, 3, 9)
    x[1, 4, 0] = np.nan
    logits = run(hr.export.onnx(model, tmp_path / "net.onnx"), x)
    expected = model.infer(x, check_finite=False)
    assert np.isnan(expected[1, 4:] if output == "all" else expected[1]).all()
    np.testing.assert_array_equal(np.isnan(logits), np.isnan(expected))
    assert_close(np.nan_to_num(logits), np.nan_to_num(expected))


def test_a_fitted_model(tmp_path):
    """What hr.fit makes, with its normalization."""
    model, x = fitted()
    assert model.card.forgets
    x = x[:7]
    assert_close(run(hr.export.onnx(model, tmp_path / "net.onnx"), x), model.infer(x))
    path = hr.export.onnx(model, tmp_path / "lengths.onnx", lengths=True)
    lengths = np.array([50, 1, 2, 30, 49, 50, 7])
    assert_close(run(path, x, lengths), model.infer(x, lengths))


@pytest.mark.parametrize("kind", KINDS)
def test_lengths(rng, make_model, tmp_path, kind):
    model = make_model(rng, **KINDS[kind])
    path = hr.export.onnx(model, tmp_path / "net.onnx", lengths=True)
    x, lengths = draw(rng, model, 4, 9), np.array([9, 1, 4, 8])
    logits = run(path, x, lengths)
    assert_close(logits, model.infer(x, lengths))
    if model.card.output == "all":
        assert not logits[1, 1:].any()


@given(st.data())
def test_any_shape(make_model, tmp_path_factory, data):
    choose, rng = data.draw, np.random.default_rng(0)
    sizes = tuple(
        (m * choose(st.integers(1, 3)), m)
        for m in choose(st.lists(st.sampled_from([1, 2, 4, 8, 12, 16, 20, 24, 36]), min_size=1, max_size=2))
    )
    model = make_model(
        rng,
        sizes=sizes,
        recurrence=choose(st.sampled_from(["linear", "relu", "modrelu", "sign"])),
        input_size=choose(st.integers(1, 5)),
        output_size=choose(st.integers(1, 4)),
        output=choose(st.sampled_from(["last", "all", "mean"])),
        input=choose(st.sampled_from(["features", "tokens"])),
    )
    path = hr.export.onnx(model, tmp_path_factory.mktemp("onnx") / "net.onnx")
    x = draw(rng, model, choose(st.integers(1, 3)), choose(st.integers(1, 20)))
    assert_close(run(path, x), model.infer(x))


def test_preprocessing_is_in_the_graph_or_left_out(rng, make_model, tmp_path):
    rules = Preprocess(
        uint8_scale=1 / 255,
        permutation=Permutation(seed=5, size=12),
        normalization=Normalization(offset=(0.1, 0.2), scale=(0.5, 2.0)),
    )
    model = make_model(rng, sizes=((16, 16),), preprocess=rules, output="all", labels=("a", "b", "c"))
    pixels = rng.integers(0, 256, (3, 12, 2), dtype=np.uint8)
    path = hr.export.onnx(model, tmp_path / "raw.onnx")
    assert_close(run(path, pixels), model.infer(pixels))
    bare = hr.export.onnx(model, tmp_path / "bare.onnx", preprocess=False)
    assert_close(run(bare, model.prepare(pixels).values), model.infer(pixels))
    metadata = {item.key: item.value for item in onnx.load(path).metadata_props}
    assert json.loads(metadata["labels"]) == ["a", "b", "c"]
    with pytest.raises(InputError, match="permutes whole sequences; expected lengths=False"):
        hr.export.onnx(model, tmp_path / "lengths.onnx", lengths=True)


@pytest.mark.parametrize("name", ["smnist", "pmnist"])
def test_real_digits(tmp_path, name):
    model = hr.load(name)
    images, _ = hr.zoo.samples(name)
    x = images.reshape(len(images), -1, 1)
    path = hr.export.onnx(model, tmp_path / "net.onnx")
    expected = model.infer(x)
    np.testing.assert_allclose(run(path, x), expected, rtol=0, atol=1e-4 * abs(expected).max())
    assert path.stat().st_size < 120_000  # a dense W alone would take four or nine megabytes


def test_operators_are_standard_and_the_file_is_reproducible(rng, make_model, tmp_path):
    model = make_model(rng, **KINDS["layers"])
    first = hr.export.onnx(model, tmp_path / "a.onnx").read_bytes()
    assert first == hr.export.onnx(model, tmp_path / "b.onnx").read_bytes()
    graph = onnx.load_from_string(first)
    assert [opset.domain for opset in graph.opset_import] == [""]
    assert {node.domain for node in graph.graph.node} == {""}


def test_the_command(rng, make_model, tmp_path, capsys):
    model = make_model(rng)
    model.save(tmp_path / "net.safetensors")
    out = tmp_path / "net.onnx"
    assert cli.main(["export", str(tmp_path / "net.safetensors"), "--onnx", str(out), "--lengths"]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    x = draw(rng, model, 2, 5)
    assert_close(run(out, x, np.array([3, 5])), model.infer(x, [3, 5]))


def test_without_onnx_the_error_names_the_extra():
    program = """
import sys
sys.modules["onnx"] = None
import hadamrnn_ext as hr
try:
    hr.export.onnx(hr.load("smnist"), "never.onnx")
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "onnx, which is not installed: pip install '.[export]'" in done.stdout

"""Exported C, compiled by the host's compiler: every logit has the bits that Python gives."""

from __future__ import annotations

import re
import subprocess

import numpy as np
import pytest

import hadamrnn_ext as hr
from compiled import COMPILER, EVERY_STEP
from exported import FLAGS, FORGETTING, KINDS, draw, needs_compiler, run_c
from hadamrnn_ext.errors import InputError
from hadamrnn_ext.file.pool import Pool
from hadamrnn_ext.golden import integers as golden_integer

pytestmark = needs_compiler


def integers(model, net, x):
    """x as the integers that exported code reads."""
    if model.card.input == "tokens":
        return x
    features = model.card.integer.input
    kind = (np.int8 if features.signed else np.uint8) if features.bits <= 8 else np.int16
    return golden_integer.quantize_input(net, x).astype(kind)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("kind", KINDS)
def test_integer_models(rng, make_model, integer_network, tmp_path, kind, bits):
    floats = make_model(rng, **KINDS[kind])
    x = draw(rng, floats, 2, 30)
    model = floats.quantize(
        x[:, :11], state_bits=bits, input_bits=bits if bits < 16 else 8, readout="integer"
    )
    net = integer_network(model)
    codes = integers(model, net, x)
    np.testing.assert_array_equal(hr.export.c_input(model, x), codes, strict=True)
    y, end = run_c(model, tmp_path, codes, np.int32)
    states = golden_integer.hidden(net, x)[-1]
    mean = net.output == "mean"
    read = golden_integer.mean(net, states, np.full(len(x), 30)) if mean else states[:, -1]
    np.testing.assert_array_equal(end, golden_integer.integer_logits(net, read))
    scale = np.float32(model.card.integer.logit_scale)
    np.testing.assert_array_equal(y.astype(np.float32) * scale, model.infer(x), strict=True)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("kind", KINDS)
def test_popcount(rng, make_model, tmp_path, kind, bits):
    """Bit planes give what the fast transform gives."""
    floats = make_model(rng, **KINDS[kind])
    x = draw(rng, floats, 2, 30)
    model = floats.quantize(x[:, :11], state_bits=bits, readout="integer")
    if any(hr.hadamard.construction(layer.block_size) != "sylvester" for layer in floats.card.layers):
        with pytest.raises(InputError, match="transform='popcount' with blocks of order "):
            hr.export.c(model, tmp_path, "net", "popcount")
        assert not list(tmp_path.iterdir())
        return
    codes = hr.export.c_input(model, x)
    y, end = run_c(model, tmp_path / "planes", codes, np.int32, "popcount")
    expected, expected_end = run_c(model, tmp_path / "lanes", codes, np.int32)
    np.testing.assert_array_equal(y, expected, strict=True)
    np.testing.assert_array_equal(end, expected_end, strict=True)


@pytest.mark.parametrize("kind", [*KINDS, *FORGETTING])
def test_float_models(rng, make_model, tmp_path, kind):
    model = make_model(rng, **{**KINDS, **FORGETTING}[kind])
    x = draw(rng, model, 2, 30)
    np.testing.assert_array_equal(hr.export.c_input(model, x), x, strict=True)
    y, end = run_c(model, tmp_path, x, np.float32)
    expected = model.infer(x)
    np.testing.assert_array_equal(y.view(np.uint32), expected.view(np.uint32), strict=True)
    last = expected[:, -1] if model.card.output == "all" else expected
    np.testing.assert_array_equal(end.view(np.uint32), last.view(np.uint32), strict=True)


@pytest.mark.parametrize("recurrence", ["linear", "relu", "modrelu", "sign"])
@pytest.mark.parametrize(
    ("sizes", "output"), [(((20, 20),), "all"), (((24, 8), (12, 12)), "last"), (((16, 16),), "mean")]
)
def test_what_is_not_finite(rng, make_model, tmp_path, sizes, output, recurrence):
    """NaN, infinities and states that overflow leave NaN where Model.infer has it."""
    model = make_model(rng, sizes=sizes, output=output, recurrence=recurrence, weight_bits=None)
    x = draw(rng, model, 5, 30)
    x[0, 20, 1], x[1, 29] = np.nan, np.inf
    x[2, 10], x[3, 10], x[3, 11] = 1e38, 3e38, -3e38
    y, _ = run_c(model, tmp_path, x, np.float32)
    expected = model.infer(x, check_finite=False)
    assert np.isnan(expected[0, 20:] if output == "all" else expected[0]).all()
    np.testing.assert_array_equal(np.isnan(y), np.isnan(expected))
    bits = [np.where(np.isnan(logits), np.float32(0), logits).view(np.uint32) for logits in (y, expected)]
    np.testing.assert_array_equal(*bits, strict=True)


@pytest.mark.parametrize("kind", FORGETTING)
def test_an_answer_after_every_step(rng, make_model, tmp_path, kind):
    """A stream that is never reset, asked as it goes; pools of either kind, and a card that says "last"."""
    model = make_model(rng, **FORGETTING[kind])
    x = draw(rng, model, 1, 30)
    hr.export.c(model, tmp_path, "net")
    (tmp_path / "driver.c").write_text(EVERY_STEP)
    command = [COMPILER, *FLAGS, "net.c", "driver.c", "-o", "driver"]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "driver"], input=x.tobytes(), stdout=subprocess.PIPE, check=True)
    y = np.frombuffer(done.stdout, np.uint32).reshape(30, -1)
    for t in (1, 2, 13, 30):
        expected = model.infer(x[:, :t])
        expected = expected[0, -1] if model.card.output == "all" else expected[0]
        np.testing.assert_array_equal(y[t - 1], expected.view(np.uint32), strict=True)


@pytest.mark.parametrize("phi", [None, "relu", "clip"])
@pytest.mark.parametrize("pool", [Pool(2), Pool(1, excess=False, time_constant=3)], ids=str)
def test_what_is_not_finite_in_a_network_that_forgets(rng, make_model, tmp_path, pool, phi):
    """NaN passes thresholds, activations and differences; the step after infinity, and what a clip makes of it."""
    fields = {"input_activation": phi, "pool": pool, "decays": True, "differences": True, "output": "all"}
    model = make_model(rng, sizes=((24, 12),), weight_bits=None, **fields)
    x = draw(rng, model, 5, 30)
    x[0, 20, 1], x[1, 19], x[2, 0, 0] = np.nan, np.inf, -np.inf
    x[3, 10], x[4, 10], x[4, 11] = 1e38, 3e38, -3e38
    y, _ = run_c(model, tmp_path, x, np.float32)
    expected = model.infer(x, check_finite=False)
    assert np.isnan(expected[0, 20:]).all()
    assert np.isfinite(expected[:2, :19]).all()
    np.testing.assert_array_equal(np.isnan(y), np.isnan(expected))
    bits = [np.where(np.isnan(logits), np.float32(0), logits).view(np.uint32) for logits in (y, expected)]
    np.testing.assert_array_equal(*bits, strict=True)


def test_a_fitted_model_answers_on_raw_values(tmp_path):
    """What hr.fit makes, with its normalization: name_prepare, name_step, name_logits as Model.infer."""
    rng = np.random.default_rng(5)
    labels = np.arange(60) % 3
    phase = rng.uniform(0, 6, (60, 1))
    x = np.sin(np.arange(50) * (0.2 + 0.15 * labels)[:, None] + phase)[:, :, None]
    x = np.concatenate([20 + 3 * x, 0.01 * rng.normal(size=x.shape)], axis=2).astype(np.float32)
    model = hr.fit(x, labels, hidden_size=64).model
    assert model.card.forgets
    hr.export.c(model, tmp_path, "net")
    command = [COMPILER, *FLAGS, "-I.", "net.c", "examples/net/main.c", "-o", "example"]
    subprocess.run(command, cwd=tmp_path, check=True)
    for row in x[:6]:
        raw = hr.export.c_raw(model, row[None])
        done = subprocess.run([tmp_path / "example"], input=raw.tobytes(), stdout=subprocess.PIPE, check=True)
        logits = np.array([float.fromhex(word) for word in done.stdout.decode().split()], np.float32)
        np.testing.assert_array_equal(logits.view(np.uint32), model.infer(row).view(np.uint32))


def test_real_digits(tmp_path, integer_network):
    """The bundled pmnist model at 12 bits reads the bundled digits as bytes."""
    floats = hr.load("pmnist")
    images, labels = hr.zoo.samples("pmnist")
    images, labels = images[:20].reshape(-1, 784, 1), labels[:20]
    model = floats.quantize(images, readout="integer")
    order = model.card.preprocess.permutation.indices()
    codes = hr.export.c_input(model, images)
    np.testing.assert_array_equal(codes, images[:, order], strict=True)
    y, _ = run_c(model, tmp_path, codes, np.int32)
    expected = model.infer(images)
    np.testing.assert_array_equal(y.astype(np.float32) * np.float32(model.card.integer.logit_scale), expected)
    assert (y.argmax(axis=1) == floats.infer(images).argmax(axis=1)).mean() >= 0.95
    assert "typedef uint8_t net_input;" in (tmp_path / "net.h").read_text()


def test_inputs_at_their_limits(rng, make_model, tmp_path):
    """The largest inputs of 16 bits times the largest codes, of an odd number of features."""
    model = make_model(rng, sizes=((16, 8),), input_size=7)
    x = draw(rng, model, 2, 20)
    model = model.quantize(x, input_bits=16, readout="integer")
    x = np.sign(x) * np.abs(x).max()
    x[1] = np.abs(x[1])
    codes = hr.export.c_input(model, x)
    assert codes.min() == -32767
    assert codes.max() == 32767
    y, _ = run_c(model, tmp_path, codes, np.int32)
    scale = np.float32(model.card.integer.logit_scale)
    np.testing.assert_array_equal(y.astype(np.float32) * scale, model.infer(x), strict=True)


def test_states_of_signs_from_training_to_c(tmp_path):
    """Trained with one bit a unit; XNOR-popcount then runs the recurrence, in C too."""
    torch = pytest.importorskip("torch")
    from hadamrnn_ext import nn

    torch.manual_seed(1)
    trained = nn.SequenceModel(3, 64, 3, 16, recurrence="sign", weight_bits=4)
    x = torch.randn(1000, 8, 3)
    labels = x[:, -3:].sum(1).argmax(1)  # of the last steps: states of one bit forget
    optimizer = torch.optim.Adam(trained.parameters(), 1e-2)
    for i in range(150):
        batch = torch.arange(100) + i % 8 * 100
        optimizer.zero_grad()
        trained.loss(x[batch], labels[batch]).backward()
        optimizer.step()
    x, labels = x.numpy(), labels.numpy()
    test = slice(800, None)
    model = trained.to_native().quantize(x[:800], readout="integer")
    assert model.card.integer.layers[0].state_bits == 1
    assert (model.infer(x[test]).argmax(1) == labels[test]).mean() > 0.7
    xnor = hr.Model(model.card, model.tensors, "xnor").infer(x[test])
    np.testing.assert_array_equal(xnor, model.infer(x[test]))
    codes = hr.export.c_input(model, x[test])
    for transform in ("fwht", "popcount"):
        _, logits = run_c(model, tmp_path / transform, codes, np.int32, transform)
        scale = np.float32(model.card.integer.logit_scale)
        np.testing.assert_array_equal(logits.astype(np.float32) * scale, xnor)


@pytest.mark.parametrize(("integer", "transform"), [(False, "fwht"), (True, "fwht"), (True, "popcount")])
def test_streams_side_by_side_share_nothing(rng, make_model, tmp_path, integer, transform):
    """Their steps may alternate; and no table can be written to."""
    floats = make_model(rng, sizes=((24, 8), (16, 16)), recurrence="relu", output="mean")
    x = draw(rng, floats, 2, 20)
    model = floats.quantize(x, readout="integer") if integer else floats
    hr.export.c(model, tmp_path, "net", transform)
    (tmp_path / "driver.c").write_text(SIDE_BY_SIDE)
    command = [COMPILER, *FLAGS, "net.c", "driver.c", "-o", "driver"]
    subprocess.run(command, cwd=tmp_path, check=True)
    given = hr.export.c_input(model, x).tobytes()
    printed = subprocess.run([tmp_path / "driver"], input=given, stdout=subprocess.PIPE, check=True).stdout
    y = np.frombuffer(printed, np.int32 if integer else np.float32).reshape(2, -1)
    if integer:
        y = y.astype(np.float32) * np.float32(model.card.integer.logit_scale)
    np.testing.assert_array_equal(y, model.infer(x), strict=True)
    subprocess.run([COMPILER, *FLAGS, "-c", "net.c", "-o", "net.o"], cwd=tmp_path, check=True)
    symbols = subprocess.run(["nm", "net.o"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert not re.findall(r"^\S+ [bBdDcC] .*", symbols, re.MULTILINE)


SIDE_BY_SIDE = """
#include <stdio.h>
#include "net.h"
static net_state states[2];
int main(void) {
    static net_input x[2][20 * NET_INPUT_SIZE];
    static net_logit y[2][NET_OUTPUT_SIZE];
    unsigned t;
    if (fread(x, sizeof x, 1, stdin) != 1) return 1;
    net_init(&states[1]);
    net_init(&states[0]);
    for (t = 0; t < 20; ++t) {
        net_step(&states[0], x[0] + t * NET_INPUT_SIZE);
        net_logits(&states[t % 2], y[0]);
        net_step(&states[1], x[1] + t * NET_INPUT_SIZE);
    }
    net_logits(&states[0], y[0]);
    net_logits(&states[1], y[1]);
    return fwrite(y, sizeof y, 1, stdout) != 1;
}
"""

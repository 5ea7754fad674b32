"""Inference over Dask arrays."""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import hadamrnn_ext as hr

da = pytest.importorskip("dask.array")
from hadamrnn_ext.closed_form.large import fit_array
from hadamrnn_ext.closed_form.options import Options
from hadamrnn_ext.dask import fit, infer
from hadamrnn_ext.file.preprocess import Normalization, Preprocess


@pytest.fixture(scope="module")
def small():
    """Features (T, 8), 32 units, 3 outputs."""
    layer = hr.LayerCard(hidden_size=32, block_size=32, recurrence="linear")
    card = hr.Card(input="features", input_size=8, layers=(layer,), output="last", output_size=3)
    rng = np.random.default_rng(0)
    return hr.Model.from_parameters(
        card,
        {
            "input.weight": rng.normal(size=(32, 8)),
            "layers.0.signs": rng.normal(size=32),
            "layers.0.bias": rng.normal(size=32),
            "output.weight": rng.normal(size=(3, 32)),
            "output.bias": np.zeros(3),
        },
    )


@pytest.mark.parametrize("output", ["last", "mean"])
def test_chunks_give_the_bits_of_one_call(rng, small, output):
    small = small.with_card(dataclasses.replace(small.card, output=output))
    x = rng.normal(size=(50, 20, 8)).astype(np.float32)
    lengths = rng.integers(1, 21, 50)
    chunked = da.from_array(x, chunks=(7, 6, 5))
    result = infer(chunked, small)
    assert result.shape == (50, 3)
    assert result.dtype == np.float32
    assert result.chunks[0] == chunked.chunks[0]
    assert np.array_equal(result.compute(scheduler="threads"), small.infer(x))
    ended = infer(chunked, small, lengths=lengths).compute(scheduler="synchronous")
    assert np.array_equal(ended, small.infer(x, lengths))


def test_tokens_and_answers_at_every_step(rng):
    tokens = rng.integers(10, size=(9, 30))
    result = infer(da.from_array(tokens, chunks=(4, 30)), "copy")
    assert result.shape == (9, 30, 9)
    assert np.array_equal(result.compute(scheduler="synchronous"), hr.load("copy").infer(tokens))


def test_what_is_met_and_expected(small):
    with pytest.raises(hr.ShapeError, match=r"ndarray; expected a Dask array"):
        infer(np.zeros((2, 3, 8)), small)
    with pytest.raises(hr.ShapeError, match=r"\(2, 3, 7\); expected \(N, T, 8\)"):
        infer(da.zeros((2, 3, 7)), small)
    with pytest.raises(hr.ShapeError, match=r"lengths has shape \(3,\); expected \(2,\)"):
        infer(da.zeros((2, 3, 8)), small, lengths=[1, 2, 3])
    with pytest.raises(hr.InputError, match="nan"):
        infer(da.full((2, 3, 8), np.nan), small).compute(scheduler="synchronous")


def peak_bytes():
    """Of this process since it began its program; `ru_maxrss` would be what it was forked from, if that is more."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)[1])


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in /proc")
@pytest.mark.filterwarnings("ignore")  # those of the cluster's own libraries
def test_two_processes_read_more_than_they_may_hold(small):
    """Half a gigabyte of sequences; each process stays below 300 MB, half of which is the interpreter with Dask."""
    distributed = pytest.importorskip("distributed")
    random = da.random.default_rng(0)
    x = random.random((1000, 16384, 8), chunks=(20, 16384, 8), dtype=np.float32)
    assert x.nbytes > 5e8
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, memory_limit="300MB", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        logits = infer(x, small).compute()
        peaks = client.run(peak_bytes)
    assert len(peaks) == 2
    assert max(peaks.values()) < 300e6, peaks
    assert np.array_equal(logits[40:60], small.infer(x[40:60].compute(scheduler="synchronous")))


def test_a_signal_on_a_large_offset_stays_in_float64(rng, small):
    normalization = Normalization((1.7e9,) * 8, (1.0,) * 8)
    model = small.with_card(
        dataclasses.replace(small.card, preprocess=Preprocess(normalization=normalization))
    )
    z = rng.normal(size=(20, 10, 8))
    result = infer(da.from_array(1.7e9 + z, chunks=(7, 10, 8)), model).compute()
    np.testing.assert_array_equal(result, model.infer(1.7e9 + z))
    np.testing.assert_allclose(result, small.infer(z), rtol=1e-3, atol=1e-3)
    with pytest.raises(hr.InputError, match="expected float64"):
        infer(da.from_array((1.7e9 + z).astype(np.float32)), model).compute()


def bumps(rng, count, steps=16):
    """Which of two channels has a bump somewhere?"""
    y = rng.integers(2, size=count)
    x = rng.normal(size=(count, steps, 2)).astype(np.float32)
    x[np.arange(count), rng.integers(2, steps, count), y] += 3
    return x, y


@pytest.mark.parametrize("count", [300, 2600])
def test_a_fit_of_chunks_is_that_of_memory(rng, count):
    x, y = bumps(rng, count)
    model, report = hr.fit(x, y, hidden_size=32, groups=np.arange(count) % 9)
    chunked = da.from_array(x, chunks=(700, 5, 1))
    found, other = fit(chunked, da.from_array(y), hidden_size=32, groups=np.arange(count) % 9)
    assert (other.design, other.sequences, other.groups) == (report.design, count, 9)
    logits = model.infer(x[:99])
    assert np.abs(found.infer(x[:99]) - logits).max() < 0.02 * np.abs(logits).max()
    x[count - 7, 3, 1] = np.nan
    with pytest.raises(hr.InputError, match=rf"X\[{count - 7}\]\[3, 1\] is nan"):
        fit(da.from_array(x, chunks=(700, 16, 2)), y, hidden_size=32)
    with pytest.raises(hr.ShapeError, match="expected a Dask array"):
        fit(x, y)


class Parts:
    """An array of Dask as `fit_array` takes one, which is computed in this process."""

    def __init__(self, x):
        self.x = x

    def __len__(self):
        return len(self.x)

    def __getitem__(self, rows):
        return self.x[rows].compute(scheduler="synchronous")


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in /proc")
@pytest.mark.filterwarnings("ignore")  # those of the cluster's own libraries
def test_two_processes_fit_more_than_they_may_hold():
    """Half a gigabyte of sequences; each process stays below 350 MB, half of which is the interpreter with Dask."""
    distributed = pytest.importorskip("distributed")
    x = da.random.default_rng(0).random((4000, 2048, 16), chunks=(50, 2048, 16), dtype=np.float32)
    y = np.arange(4000) % 2
    x = x + 0.05 * da.from_array(y.astype(np.float32), chunks=50)[:, None, None]
    assert x.nbytes > 5e8
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, memory_limit="350MB", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        model, report = fit(x, y, hidden_size=16)
        peaks = client.run(peak_bytes)
    assert report.sequences == 4000
    assert report.metrics["loo_accuracy"] > 0.75
    assert max(peaks.values()) < 350e6, peaks
    here, _ = fit_array(
        Parts(x), y, None, Options(hidden_size=16), 0.0
    )  # half a gigabyte, but a part at a time
    part = x[:50].compute(scheduler="synchronous")
    logits = here.infer(part)
    assert np.abs(model.infer(part) - logits).max() < 0.02 * np.abs(logits).max()

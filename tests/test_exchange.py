"""Arrays of other libraries, read without a copy; and models that go to other processes."""

from __future__ import annotations

import multiprocessing
from array import array

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.model import inputs


class Foreign:
    """An array that shows DLPack and nothing else."""

    def __init__(self, values):
        self.values = values

    def __dlpack__(self, **options):
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


class Elsewhere(Foreign):
    """The memory of a GPU."""

    def __dlpack_device__(self):
        return 2, 0

    def __dlpack__(self, **options):
        raise BufferError("not on the CPU")


def test_memory_of_others_is_read_where_it_lies(rng):
    model = hr.load("smnist")
    x = rng.random((3, 784, 1)).astype(np.float32)
    for shown in (x, Foreign(x), memoryview(x)):
        assert np.shares_memory(model.prepare(shown).values, x)
        assert np.array_equal(model.infer(shown), model.infer(x))
    row = array("f", x[0, :, 0])
    assert np.shares_memory(inputs.read_array(row), np.frombuffer(row, np.float32))


def test_tensors_of_torch_are_read_where_they_lie(rng):
    torch = pytest.importorskip("torch")
    x = torch.rand(3, 784, 1)
    model = hr.load("smnist")
    assert model.prepare(x).values.ctypes.data == x.data_ptr()
    assert np.array_equal(model.infer(x), model.infer(x.numpy()))


def test_memory_that_is_not_here_is_refused():
    with pytest.raises(hr.InputError, match="not on the CPU"):
        hr.load("smnist").infer(Elsewhere(np.zeros((784, 1), np.float32)))


def test_a_model_goes_to_new_processes(rng):
    model = hr.load("smnist")
    batches = list(rng.random((4, 5, 784, 1)).astype(np.float32))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        answers = pool.map(model.infer, batches)
    assert all(map(np.array_equal, answers, map(model.infer, batches)))


def test_a_model_goes_to_the_workers_of_joblib(rng):
    joblib = pytest.importorskip("joblib")
    model = hr.load("smnist")
    batches = list(rng.random((2, 5, 784, 1)).astype(np.float32))
    answers = joblib.Parallel(n_jobs=2)(joblib.delayed(model.infer)(batch) for batch in batches)
    assert all(map(np.array_equal, answers, map(model.infer, batches)))

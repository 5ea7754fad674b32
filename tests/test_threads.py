"""One Model shared: by many threads, by a forked child, and by a pool of worker processes."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.cli.options import threads
from hadamrnn_ext.model import inputs


@pytest.mark.parametrize(
    ("text", "count"), [("2", 2), (" 2 ", 2), ("\t16\n", 16), ("1024", 1024), ("", None), ("  ", None)]
)
def test_the_number_of_the_environment_means_the_same_everywhere(
    text: str, count: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HADAMRNN_NUM_THREADS", text)
    assert inputs.threads(None, 2) == (count or min(inputs.cpus(), 1024))
    assert inputs.threads(3, 2) == 3
    assert inputs.threads(None, 1) == 1
    assert threads(argparse.Namespace(threads=None)) == count
    assert threads(argparse.Namespace(threads=3)) == 3


@pytest.mark.parametrize("text", ["0", "2 2", "+2", "2_0", "-1", "1025", "two", "٣", "2.0"])
def test_what_is_no_number_of_threads_is_refused_everywhere(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HADAMRNN_NUM_THREADS", text)
    for call in (lambda: inputs.threads(None, 2), lambda: threads(argparse.Namespace(threads=None))):
        with pytest.raises(hr.InputError, match=r"HADAMRNN_NUM_THREADS is .*; expected an integer 1 .. 1024"):
            call()


def infer(model: hr.Model, x: Any) -> Any:
    return model.infer(x, num_threads=2)


def test_threads_share_a_model(make_model: Any, rng: np.random.Generator) -> None:
    model = make_model(rng, sizes=((64, 64),), input_size=1)
    batches = [rng.standard_normal((7, 50, 1), np.float32) for _ in range(32)]
    expected = [model.infer(x, num_threads=1) for x in batches]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda x: infer(model, x), batches))
    assert all(np.array_equal(a, b) for a, b in zip(expected, found, strict=True))


@pytest.mark.parametrize("integer", [False, True])
def test_many_threads_infer_and_stream_at_once(
    integer: bool, make_model: Any, rng: np.random.Generator
) -> None:
    model = make_model(rng, sizes=((64, 64),), input_size=1)
    if integer:
        model = model.quantize(rng.standard_normal((4, 50, 1), np.float32))
    sequences = [rng.standard_normal((100, 1), np.float32) for _ in range(64)]
    expected = [model.infer(x) for x in sequences]
    found: list[Any] = [None] * len(sequences)
    begin = threading.Barrier(len(sequences))

    def read(i: int) -> None:
        stream, x = model.stream(), sequences[i]
        begin.wait()
        for t, step in enumerate(x[:90]):
            stream.step(step)
            if t % 30 == 0:
                batch = infer(model, np.stack([x, sequences[i - 1]]))
                assert np.array_equal(batch, [expected[i], expected[i - 1]])
        found[i] = stream.run(x[90:])

    threads = [threading.Thread(target=read, args=(i,)) for i in range(len(sequences))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(a, b) for a, b in zip(expected, found, strict=True))


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(
            "fork", marks=pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
        ),
        "spawn",
    ],
)
def test_processes(method: str, make_model: Any, rng: np.random.Generator) -> None:
    if method not in multiprocessing.get_all_start_methods():
        assert sys.platform == "win32"  # where there is no fork
        return
    model = make_model(rng, sizes=((64, 64),), input_size=1)
    x = rng.standard_normal((7, 50, 1), np.float32)
    expected = infer(model, x)  # the thread pool exists before the fork
    with multiprocessing.get_context(method).Pool(2) as pool:
        found = pool.starmap(infer, [(model, x)] * 4, chunksize=1)
    assert all(np.array_equal(expected, y) for y in found)

"""The cases of `hadamrnn bench`: the same work done by our kernels and by torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from .. import hadamard, zoo

__all__ = ["Case", "Result", "cases", "measure"]


class Case(NamedTuple):
    """One piece of work on one path. `make` prepares it and returns the call to time.

    `path` is "native" or "torch". One call processes `items` of `unit`, such as 100 sequences, and may use `threads`
    threads.
    """

    work: str
    path: str
    unit: str
    items: int
    threads: int
    make: Callable[[], Callable[[], object]]


class Result(NamedTuple):
    """Seconds per item in the fastest of `calls` calls, since other work on the machine can only make a call slower."""

    work: str
    path: str
    unit: str
    threads: int
    seconds: float
    calls: int


def measure(case: Case, seconds: float) -> Result:
    """Times a case for about `seconds`, with one call to warm up and at least two that are timed."""
    call = case.make()
    call()
    best, calls, end = float("inf"), 0, time.perf_counter() + seconds
    while calls < 2 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
        calls += 1
    return Result(case.work, case.path, case.unit, case.threads, best / case.items, calls)


def cases(threads: int) -> Iterator[Case]:
    """All cases, with torch's only if it is installed."""
    digits, sensors = (zoo.load(name).card.layers[0].hidden_size for name in ("smnist", "har6"))
    compared: list[tuple[str, str, int, int, Callable[..., Any], Callable[..., Any]]] = [
        (f"a digit of 784 steps, n = {digits}", "sequence", 1, 1, _infer, _loop),
        (f"100 digits of 784 steps, n = {digits}", "sequence", 100, threads, _infer, _loop),
        (f"a step of a stream, 9 channels, n = {sensors}", "step", 100, 1, _stream, _torch_stream),
        ("the Hadamard transform of 256 rows of 1024", "row", 256, 1, _transform, _torch_transform),
        (
            "a training step on 32 digits of 784 steps, n = 512",
            "sequence",
            32,
            threads,
            _training,
            _torch_training,
        ),
    ]
    torch = find_spec("torch") is not None
    for work, unit, items, count, native, peer in compared:
        if torch or native is not _training:
            yield Case(work, "native", unit, items, count, partial(native, items, count))
        if torch:
            yield Case(work, "torch", unit, items, count, partial(peer, items, count))


def _digits(count: int) -> Any:
    images = zoo.samples("smnist")[0].reshape(-1, 784, 1)
    return np.resize(images, (count, 784, 1)).astype(np.float32) / np.float32(255)


def _infer(batch: int, threads: int) -> Callable[[], object]:
    return partial(zoo.load("smnist").infer, _digits(batch), num_threads=threads)


def _stream(steps: int, threads: int) -> Callable[[], object]:
    """Streaming as users call it: the model checks the sensors' numbers for NaN and normalizes them."""
    model = zoo.load("har6")
    one, step = model.stream(), np.ones(model.card.input_size, np.float32)
    return lambda: [one.step(step) for _ in range(steps)]


def _transform(rows: int, threads: int) -> Callable[[], object]:
    return partial(hadamard.transform, np.ones((rows, 1024), np.float32))


def _loop(batch: int, threads: int) -> Callable[[], object]:
    """h = W h + (U x + b) with one matrix product and one addition per step. All inputs are projected at once first."""
    import torch

    model = zoo.load("smnist")
    weight, drive, readout = _matrices(model)
    x = torch.from_numpy(_digits(batch))

    def call() -> object:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            v = drive(x).unbind(1)
            h = v[0]
            for step in v[1:]:
                h = torch.addmm(step, h, weight)
            return readout(h)

    return call


def _torch_stream(steps: int, threads: int) -> Callable[[], object]:
    import torch

    model = zoo.load("har6")
    weight, drive, readout = _matrices(model)
    step, rule = torch.ones(1, model.card.input_size), model.card.preprocess.normalization
    assert rule is not None
    offset, scale = torch.tensor(rule.offset), torch.tensor(rule.scale)

    def call() -> object:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            h = drive((step - offset) / scale)
            for _ in range(steps):
                h = torch.addmm(drive((step - offset) / scale), h, weight)
                readout(h)
        return h

    return call


def _matrices(model: Any) -> tuple[Any, Any, Any]:
    """W transposed, and functions that compute U x + b and V relu(h) + c, for a linear model of one layer."""
    import torch

    parameters, layer = model.parameters(), model.card.layers[0]
    p = {name: torch.from_numpy(np.array(value, np.float32)) for name, value in parameters.items()}
    block = torch.from_numpy(hadamard.matrix(layer.block_size).astype(np.float32)) / layer.block_size**0.5
    blocks = torch.kron(torch.eye(layer.hidden_size // layer.block_size), block)
    weight = (p["layers.0.signs"][:, None] * blocks).T.contiguous()

    def drive(x: Any) -> Any:
        return torch.nn.functional.linear(x, p["input.weight"], p["layers.0.bias"])

    def readout(h: Any) -> Any:
        return torch.nn.functional.linear(h.relu(), p["output.weight"], p["output.bias"])

    return weight, drive, readout


def _torch_transform(rows: int, threads: int) -> Callable[[], object]:
    import torch

    ones = torch.ones(rows, 1024)
    matrix = torch.from_numpy(hadamard.matrix(1024).astype(np.float32))

    def call() -> object:
        torch.set_num_threads(threads)
        return ones @ matrix

    return call


def _torch_training(batch: int, threads: int) -> Callable[[], object]:
    return _training(batch, threads, "loop")


def _training(batch: int, threads: int, engine: str = "auto") -> Callable[[], object]:
    """Loss, gradients and a step of Adam on a batch of images. The engine `loop` is the plain definition in torch."""
    import torch

    from .. import nn

    torch.manual_seed(0)
    net = nn.SequenceModel(1, 512, 10, engine=engine)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    x, y = torch.from_numpy(_digits(batch)), torch.arange(batch) % 10
    shared = nullcontext if engine == "loop" else nn.torch_on_one_thread  # as the trainer does

    def call() -> object:
        torch.set_num_threads(threads)
        with shared():
            loss = net.loss(x, y)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            return loss.item()

    return call

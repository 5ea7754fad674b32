"""A signal during a long call of the core: its handler runs within 100 ms, and what it raises ends the call."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers that send a signal")

STEPS = 12_000_000  # a second and more


class Rang(Exception):
    pass


@pytest.fixture
def latency() -> Iterator[Callable[[Callable[[], object]], float]]:
    """Seconds from a signal, 0.1 s into a call, to the moment when the call has ended by the handler's exception."""

    def ring(*_: object) -> None:
        raise Rang

    def measure(call: Callable[[], object]) -> float:
        begin = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(Rang):
            call()
        return time.monotonic() - begin - 0.1

    previous = signal.signal(signal.SIGALRM, ring)
    yield measure
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)


@pytest.fixture(scope="module")
def x() -> Any:
    return np.zeros((2, STEPS, 1), np.float32)


@pytest.mark.parametrize(
    ("fields", "threads"),
    [
        ({"sizes": ((512, 512),)}, 1),
        ({"sizes": ((512, 512),)}, 2),
        ({"sizes": ((512, 512),)}, 64),
        ({"sizes": ((64, 64), (64, 32))}, 1),
        ({"sizes": ((256, 256),), "kernel": "masked_add"}, 1),
        ({"sizes": ((512, 512),), "integer": True}, 1),
    ],
    ids=str,
)
def test_infer_ends(fields: Any, threads: int, make_model: Any, x: Any, latency: Any) -> None:
    rng, fields = np.random.default_rng(1), dict(fields)
    integer = fields.pop("integer", False)
    model = make_model(rng, input_size=1, weight_bits=1, **fields)
    if integer:
        model = model.quantize(rng.standard_normal((4, 50, 1), np.float32))
    expected = model.infer(x[:, :100])
    tries = (
        latency(lambda: model.infer(x, num_threads=threads, check_finite=False)) for _ in range(5)
    )  # a machine that is busy with something else may miss it once
    assert any(seconds < 0.1 for seconds in tries)
    assert np.array_equal(model.infer(x[:, :100], num_threads=threads), expected)


@pytest.mark.parametrize("output", ["last", "mean"])
@pytest.mark.parametrize("integer", [False, True])
def test_a_stream_is_as_it_was(integer: bool, output: str, make_model: Any, x: Any, latency: Any) -> None:
    rng = np.random.default_rng(2)
    model = make_model(rng, sizes=((512, 512),), input_size=1, weight_bits=1, output=output)
    if integer:
        model = model.quantize(rng.standard_normal((4, 50, 1), np.float32))
    stream = model.stream(2, check_finite=False)
    stream.run(rng.standard_normal((2, 5, 1), np.float32))
    before, saved = stream.state, stream.save()
    latency(lambda: stream.run(x))
    assert stream.save() == saved
    assert all(part.any() for part in before)

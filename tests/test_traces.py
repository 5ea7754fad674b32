"""Golden traces: outputs written down once, which the golden model and the core must give to the last bit.

The C++ test program reads the same file (cpp/tests), on instruction sets that this machine does not have.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hadamrnn_ext import _core, hadamard
from hadamrnn_ext.golden import floats as golden
from hadamrnn_ext.golden.floats import Layer, Network
from traces import Trace, assert_same_bits, read

FILE = Path(__file__).parent / "traces" / "golden.txt"

ORDERS = {
    "fwht": "fwht",
    "xnor": "fwht",
    "dense": "dense",
    "masked_add": "dense",
}  # kernel -> its y in the file


TRACES = read(FILE)


def network(trace: Trace) -> Network:
    layers = []
    for index in range(trace["layers"].item()):
        prefix = f"layer{index}."
        layers.append(
            Layer(
                block_size=trace[prefix + "block_size"].item(),
                signs=trace[prefix + "signs"],
                bias=trace[prefix + "bias"],
                recurrence=str(trace[prefix + "recurrence"]),
                modrelu=trace.get(prefix + "modrelu"),
                input_signs=trace.get(prefix + "input_signs"),
            )
        )
    output = str(trace["output"])
    return Network(
        layers,
        input_weight=trace["input_weight"],
        embedding=trace.get("embedding"),
        output_weight=trace["output_weight"],
        output_bias=trace["output_bias"],
        tokens="tokens" in trace,
        output=output,  # type: ignore[arg-type]
    )


def kernels(trace: Trace) -> list[str]:
    return [kernel for kernel in ORDERS if kernel != "xnor" or trace["layer0.recurrence"] == "sign"]


def inputs(trace: Trace) -> tuple[NDArray, NDArray | None]:
    x = trace["tokens"] if "tokens" in trace else trace["x"]
    return x, trace["lengths"].astype(np.int64) if "lengths" in trace else None


@pytest.mark.parametrize("name", TRACES)
def test_the_golden_model_still_gives_these_bits(name: str) -> None:
    trace = TRACES[name]
    net = network(trace)
    x, lengths = inputs(trace)
    with np.errstate(over="ignore", invalid="ignore"):
        for kernel in kernels(trace):
            assert_same_bits(golden.forward(net, x, lengths, kernel), trace[f"y.{ORDERS[kernel]}"])
        for index, states in enumerate(golden.hidden(net, x)):
            assert_same_bits(np.ascontiguousarray(states[:, -1]), trace[f"state.{index}"])


@pytest.mark.parametrize("isa", _core.isa_available())
@pytest.mark.parametrize("name", TRACES)
def test_the_core_gives_these_bits(name: str, isa: str) -> None:
    trace = TRACES[name]
    x, lengths = inputs(trace)
    before = _core.isa_active()
    _core.isa_use(isa)
    try:
        models = {kernel: build(trace, kernel) for kernel in kernels(trace)}
    finally:
        _core.isa_use(before)
    for kernel, model in models.items():
        assert (model.isa, model.kernel) == (isa, kernel)
        expected = trace[f"y.{ORDERS[kernel]}"]
        for num_threads in (1, 2):
            out = np.full_like(expected, np.nan)
            model.infer(x, lengths, out, num_threads)
            assert_same_bits(out, expected)
    stream = _core.Stream(models["fwht"], len(x), False)  # values are not checked
    for t in range(x.shape[1]):
        stream.step(np.ascontiguousarray(x[:, t]))
    for index, state in enumerate(stream.get_state()[: trace["layers"].item()]):
        assert_same_bits(state, trace[f"state.{index}"])


def build(trace: Trace, kernel: str) -> _core.Model:
    net = network(trace)
    layers = [
        _core.Layer(
            block_size=layer.block_size,
            core=trace[f"layer{index}.core"],
            signs=layer.signs,
            bias=layer.bias,
            recurrence=layer.recurrence,
            modrelu=layer.modrelu,
            input_signs=layer.input_signs,
        )
        for index, layer in enumerate(net.layers)
    ]
    return _core.Model(
        layers,
        input_weight=net.input_weight,
        embedding=net.embedding,
        tokens=net.tokens,
        output_weight=net.output_weight,
        output_bias=net.output_bias,
        output=net.output,
        kernel=kernel,
    )


def test_the_traces_cover_the_model() -> None:
    """Each kind of network is in the file, and so are numbers below the smallest normal one."""
    traces = list(TRACES.values())
    layers = [(trace, index) for trace in traces for index in range(trace["layers"].item())]
    orders = {trace[f"layer{index}.block_size"].item() for trace, index in layers}
    recurrences = {str(trace[f"layer{index}.recurrence"]) for trace, index in layers}
    assert recurrences == {"linear", "relu", "modrelu", "sign"}
    assert {hadamard.factor(m)[0] for m in orders} == {1, 12, 20, 28}
    assert {m for m in orders if hadamard.factor(m) == (1, m.bit_length() - 1)} >= {
        1,
        4,
        8,
        16,
        32,
        64,
        128,
        512,
    }
    assert {trace["x"].shape[-1] for trace in traces if "x" in trace} == {1, 3}
    for output in ("last", "all", "mean"):
        some = [trace for trace in traces if trace["output"] == output]
        assert any("lengths" in trace for trace in some)
        assert any("embedding" in trace for trace in some)
        assert any("tokens" in trace and "embedding" not in trace for trace in some)
        assert any(trace["layers"] == 2 for trace in some)
        assert any(trace["layer0.bias"].size > trace["layer0.block_size"] for trace in some)
    denormal = [trace for trace in traces if (np.abs(trace["y.fwht"]) < np.finfo(np.float32).tiny).all()]
    assert {str(trace["layer0.recurrence"]) for trace in denormal} == {"linear", "relu", "modrelu"}
    assert all(np.count_nonzero(trace["y.fwht"]) == trace["y.fwht"].size for trace in denormal)
    infinite = [trace for trace in traces if "x" in trace and np.isinf(trace["x"]).any()]
    assert {str(trace["layer0.recurrence"]) for trace in infinite} == recurrences
    assert {str(trace["output"]) for trace in infinite} == {"last", "all", "mean"}
    for trace in infinite:  # sequence 1 has a NaN at step 2
        y = trace["y.fwht"][1]
        assert np.isnan(y[2:] if trace["output"] == "all" else y).all()
    assert FILE.stat().st_size < 190_000


def test_the_order_of_additions_shows() -> None:
    """Kernels that add in another order give other bits: the traces can tell them apart."""
    assert any(
        (trace["y.fwht"].view(np.uint32) != trace["y.dense"].view(np.uint32)).any()
        for trace in TRACES.values()
    )

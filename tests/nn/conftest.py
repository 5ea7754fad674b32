"""What the tests of the torch half share: reproducible modules, and the golden network of a module."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from hadamrnn_ext import nn
from hadamrnn_ext.file import codes
from hadamrnn_ext.golden import floats
from hadamrnn_ext.golden.floats import Layer, Network, Pool


@pytest.fixture(autouse=True)
def _reproducible() -> Iterator[None]:
    """A fixed seed, and one thread: on sizes this small a second one only waits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def golden_network() -> Callable[[nn.SequenceModel], Network]:
    return _golden_network


def _golden_network(model: nn.SequenceModel) -> Network:
    """The golden network of a float32 module, made without any of the code under test but its parameters."""
    if not model.rnn.bidirectional:
        return _one_way(model, "", model.output_weight, model.output_bias)
    forwards, backwards = model.output_weight.chunk(2, 1)
    second = _one_way(model, "_reverse", backwards, torch.zeros_like(model.output_bias))
    return dataclasses.replace(_one_way(model, "", forwards, model.output_bias), backwards=second)


def _one_way(model: nn.SequenceModel, direction: str, weight: torch.Tensor, bias: torch.Tensor) -> Network:

    def array(tensor: torch.Tensor) -> np.ndarray:
        return tensor.detach().numpy()

    def signs(tensor: torch.Tensor | None) -> np.ndarray | None:
        return None if tensor is None else np.where(array(tensor) >= 0, 1, -1).astype(np.int8)

    def quantized(tensor: torch.Tensor, bits: int | None) -> np.ndarray:
        if bits is None:
            return array(tensor)
        return codes.dequantize(*codes.quantize(array(tensor), bits), bits)

    def decays(latent: torch.Tensor | None) -> np.ndarray | None:
        if latent is None:
            return None
        exact = 1 / (1 + np.exp(-array(latent).astype(np.float64)))
        every = np.arange(256, dtype=np.uint8)
        return every[np.abs(floats.decay(every) - exact[:, None]).argmin(axis=1)]

    def pool() -> Pool | None:
        if model.pool is None:
            return None
        thresholds = codes.dequantize_rows(*codes.quantize_rows(array(model.thresholds)))
        return Pool(thresholds, model.pool.excess, model.pool.share, model.pool.time_constant)

    rnn, state = model.rnn, dict(model.named_parameters())
    layers = []
    for i in range(rnn.num_layers):
        suffix = (f"_l{i}" if i else "") + direction
        modrelu = state.get(f"rnn.modrelu{suffix}")
        layers.append(
            Layer(
                rnn.block_size,
                signs(state[f"rnn.signs{suffix}"]),
                quantized(state[f"rnn.bias{suffix}"], rnn.bias_bits),
                rnn.recurrence,
                None if modrelu is None else array(modrelu),
                signs(state.get(f"rnn.input_signs{suffix}")),
                decays(state.get(f"rnn.decays{suffix}")),
            )
        )
    return Network(
        layers,
        input_weight=quantized(state[f"rnn.weight_ih{direction}"], rnn.weight_bits),
        output_weight=quantized(weight, model.output_weight_bits),
        output_bias=array(bias),
        embedding=array(state["embedding.weight"]) if "embedding.weight" in state else None,
        tokens=model.tokens,
        output=model.output,
        input_activation=rnn.input_activation or "linear",
        differences=rnn.differences,
        pool=pool(),
    )

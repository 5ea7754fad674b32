"""Models of every kind that the export to ONNX takes, and how close its logits must be."""

from __future__ import annotations

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.file.pool import Pool

__all__ = ["KINDS", "OnnxStream", "assert_close", "fitted", "run"]

KINDS = {
    "one input": {"sizes": ((64, 64),), "input_size": 1},
    "blocks": {"sizes": ((48, 16),), "input_size": 4, "output": "all"},
    "paley": {"sizes": ((48, 24),), "recurrence": "modrelu", "weight_bits": 5, "output": "all"},
    "base order alone": {"sizes": ((40, 20),)},
    "order 28 x 4": {"sizes": ((112, 112),), "recurrence": "relu"},
    "one unit": {"sizes": ((1, 1),), "output_size": 1},
    "order 1": {"sizes": ((5, 1),), "recurrence": "sign"},
    "one-hot": {"sizes": ((32, 32),), "input": "tokens", "input_size": 10, "output": "all"},
    "embedding": {"sizes": ((16, 4),), "input": "tokens", "input_size": 7, "embedding_size": 5},
    "float weights": {"sizes": ((24, 12),), "weight_bits": None, "output_weight_bits": None},
    "mean": {"sizes": ((32, 32),), "output": "mean"},
    "mean of layers": {"sizes": ((24, 12), (16, 16)), "recurrence": "relu", "output": "mean"},
    "layers": {"sizes": ((24, 12), (16, 16), (8, 1)), "recurrence": "relu"},
    "linear layers": {"sizes": ((16, 16), (32, 8)), "output": "all"},
    "sign layers": {"sizes": ((20, 20), (16, 16)), "recurrence": "sign"},
    "decays": {"sizes": ((48, 16), (24, 12)), "decays": True},
    "relu of tokens": {"input": "tokens", "input_size": 9, "input_activation": "relu", "output": "all"},
    "differences": {"sizes": ((32, 8),), "differences": True, "input_activation": "clip", "output": "mean"},
    "excess": {"sizes": ((40, 20),), "pool": Pool(3, share=False)},
    "share": {"sizes": ((24, 24),), "pool": Pool(2, excess=False), "output": "all"},
    "running means": {"sizes": ((16, 8),), "pool": Pool(2, time_constant=4), "decays": True},
    "all of it": {
        "sizes": ((24, 12), (64, 8)),
        "recurrence": "modrelu",
        "decays": True,
        "input_activation": "clip",
        "differences": True,
        "pool": Pool(3),
        "output": "all",
    },
    "running means at every step": {"differences": True, "pool": Pool(1, time_constant=2), "output": "all"},
}


def assert_close(actual, expected):
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4 * max(1, np.abs(expected).max()))


def run(path, x, lengths=None):
    """The logits of sequences, computed by onnxruntime."""
    session = _session(path)
    (logits,) = session.run(None, {"x": x} if lengths is None else {"x": x, "lengths": lengths})
    return logits


def _session(path):
    onnxruntime = pytest.importorskip("onnxruntime")
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


DTYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64}


class OnnxStream:
    """A sequence in onnxruntime that begins with zeros."""

    def __init__(self, path, batch):
        self.session = _session(path)
        self.names = [output.name.removeprefix("next_") for output in self.session.get_outputs()[1:]]
        self.state = {
            part.name: np.zeros((batch, *part.shape[1:]), DTYPES[part.type])
            for part in self.session.get_inputs()[1:]
        }
        assert sorted(self.state) == sorted(self.names)

    def step(self, x):
        logits, *after = self.session.run(None, {"x": x, **self.state})
        self.state = dict(zip(self.names, after, strict=True))
        return logits


def fitted():
    """What hr.fit makes of 60 sequences of 50 steps, with its normalization; and these sequences."""
    rng = np.random.default_rng(5)
    labels, phase = np.arange(60) % 3, rng.uniform(0, 6, (60, 1))
    x = np.sin(np.arange(50) * (0.2 + 0.15 * labels)[:, None] + phase)[:, :, None].astype(np.float32)
    x = 3 * x + 20
    return hr.fit(x, labels, hidden_size=64).model, x

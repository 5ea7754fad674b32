"""A SequenceModel leaves PyTorch: torch.export keeps the C++ engine, torch.onnx.export takes the engines of plain torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hadamrnn_ext import nn


@pytest.mark.parametrize("engine", ["native", "loop", "scan"])
@pytest.mark.parametrize("output", ["last", "all"])
def test_torch_export(engine, output):
    model = nn.SequenceModel(2, 24, 3, 12, output=output, engine=engine).train()
    x = torch.randn(4, 9, 2)
    program = torch.export.export(model, (x,))
    other = torch.randn(4, 9, 2)
    torch.testing.assert_close(program.module()(other), model(other))


def test_torch_export_of_tokens():
    model = nn.SequenceModel(7, 16, 3, tokens=True, embedding_size=5, engine="native").train()
    x = torch.randint(0, 7, (4, 9))
    torch.testing.assert_close(torch.export.export(model, (x,)).module()(x), model(x))


@pytest.mark.filterwarnings("ignore")  # of torch's exporter about itself
@pytest.mark.parametrize("engine", ["loop", "scan"])
def test_torch_onnx_export(engine, tmp_path):
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    model = nn.SequenceModel(2, 16, 3, engine=engine).train()
    x = torch.randn(4, 9, 2)
    torch.onnx.export(model, (x,), str(tmp_path / "net.onnx"), dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    np.testing.assert_allclose(logits, model(x).detach().numpy(), rtol=1e-4, atol=1e-4)

"""The RNN operator of onnxruntime, which with the activation Affine(1, 0) is the linear recurrence."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from timing import Candidate
from workloads import Dense, Workload

__all__ = ["rnn"]


def rnn(work: Workload, threads: list[int]) -> list[Candidate]:
    """The whole model in one ONNX graph, with one session for each number of threads."""
    batch, steps, _ = work.x.shape
    model = _graph(work.dense, steps, batch).SerializeToString()
    feed = {"x": np.ascontiguousarray(work.x.transpose(1, 0, 2))}
    candidates = []
    for count in threads:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = count
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        candidates.append(Candidate("RNN", _call(session, feed), count))
    work.check("onnxruntime", session.run(None, feed)[0])
    return candidates


def _call(session: Any, feed: dict[str, Any]) -> Any:
    return lambda: session.run(None, feed)


def _graph(dense: Dense, steps: int, batch: int) -> onnx.ModelProto:
    n, d = dense.u.shape
    weights = {
        "w": dense.u[None],  # ONNX calls the input weight W and the recurrent one R
        "r": dense.w[None],
        "b": np.concatenate([dense.b, np.zeros_like(dense.b)])[None],
        "v": np.ascontiguousarray(dense.v.T),
        "c": dense.c,
    }
    nodes = [
        helper.make_node(
            "RNN",
            ["x", "w", "r", "b"],
            ["", "h"],
            hidden_size=n,
            activations=["Affine"],
            activation_alpha=[1.0],
            activation_beta=[0.0],
        ),
        helper.make_node("Relu", ["h"], ["rectified"]),
        helper.make_node("MatMul", ["rectified", "v"], ["product"]),
        helper.make_node("Add", ["product", "c"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "linear_rnn",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [steps, batch, d])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, batch, len(dense.c)])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    # An old operator set and file format, which every onnxruntime can read.
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)

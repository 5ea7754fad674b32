"""Building an ONNX graph from nodes and constants with unique names. Needs the ``export`` extra (onnx)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    import onnx
    from onnx import helper, numpy_helper
except ModuleNotFoundError as missing:
    if missing.name != "onnx":
        raise
    from ..machine import hint

    raise ImportError(
        f"the export to ONNX needs the package onnx, which is not installed: {hint('export')}"
    ) from missing

__all__ = ["Graph", "StepGraph", "declare", "to_bytes"]

# The operator set and file format of 2022, which all runtimes since then can read.
OPERATORS, FORMAT = 17, 8


class Graph:
    """A graph under construction, or the body of a loop ``within`` another graph, whose names it sees."""

    def __init__(self, within: Graph | None = None) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._names: dict[str, int] = {} if within is None else within._names

    def node(
        self, operator: str, *inputs: str, name: str | None = None, outputs: int = 1, **attributes: Any
    ) -> str:
        """Adds a node and returns the name of its last output, a variation of ``name``."""
        names = [self.name(name or operator.lower()) for _ in range(outputs)]
        self._nodes.append(helper.make_node(operator, list(inputs), names, name=names[-1], **attributes))
        return names[-1]

    def constant(self, values: NDArray[Any], name: str) -> str:
        """Adds a constant and returns its name, a variation of ``name``."""
        unique = self.name(name)
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), unique))
        return unique

    def integers(self, *values: int) -> str:
        """Adds a constant list of integers, such as a shape or axes, and returns its name."""
        return self.constant(np.array(values, np.int64), "integers")

    def name(self, stem: str) -> str:
        """A name that nothing else in the graph has."""
        self._names[stem] = number = self._names.get(stem, -1) + 1
        return f"{stem}_{number}" if number else stem

    def finish(self, name: str, inputs: list[Any], outputs: list[Any]) -> Any:
        """The finished graph (onnx.GraphProto) with these declared inputs and outputs."""
        return helper.make_graph(self._nodes, name, inputs, outputs, self._constants)


class StepGraph(Graph):
    """The graph of one time step. A part NAME of the state is an input, and what it is after the step the output next_NAME."""

    def __init__(self, within: Graph | None = None) -> None:
        super().__init__(within)
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}

    def before(self, name: str, dtype: Any, *shape: int) -> str:
        """A part of the state as it was before the step, (batch, *shape)."""
        unique = self.name(name)
        self.inputs[name] = declare(unique, dtype, "batch", *shape)
        return unique

    def after(self, name: str, value: str, dtype: Any, *shape: int) -> None:
        """What that part is after the step."""
        identity = self.node("Identity", value, name=f"next_{name}")
        self.outputs[name] = declare(identity, dtype, "batch", *shape)

    def step(self, x: Any, logits: str, outputs: int) -> Any:
        """The finished graph, with the declared input x before the state, and the logits (batch, outputs) before the next."""
        declared = declare(self.node("Identity", logits, name="logits"), np.float32, "batch", outputs)
        state, after = self.inputs.values(), self.outputs.values()
        return self.finish("hadamrnn_step", [x, *state], [declared, *after])

    def repeated(self, g: Graph, inputs: list[Any], over: list[str], every_step: str | None = None) -> str:
        """This step at every step of ``over`` (batch, T, ..) of the graph ``g`` that it is within, from a state of zeros.

        ``inputs`` are the declared inputs of the step that it takes of ``over``. Returns the last part of the state after the last step or, if ``every_step``
        names a value (batch, F) of the step, that value after each of them, (batch, T, F).
        """
        parts, after = list(self.inputs.values()), [self.outputs[name] for name in self.inputs]
        if every_step is not None:
            after.append(helper.make_empty_tensor_value_info(every_step))
        return g.node(
            "Scan",
            *(_zeros(g, part, over[0]) for part in parts),
            *over,
            outputs=len(after),
            num_scan_inputs=len(over),
            scan_input_axes=[1] * len(over),
            scan_output_axes=None if every_step is None else [1],
            body=self.finish("step", [*parts, *inputs], after),
        )


def _zeros(g: Graph, part: Any, over: str) -> str:
    """Zeros of the type and shape of a declared part of the state, for as many sequences as ``over`` has."""
    kind, shape = part.type.tensor_type.elem_type, g.node("Shape", over, start=0, end=1)
    if sizes := [size.dim_value for size in part.type.tensor_type.shape.dim[1:]]:
        shape = g.node("Concat", shape, g.integers(*sizes), axis=0)
    return g.node("ConstantOfShape", shape, value=helper.make_tensor("zero", kind, [1], [0]))


def declare(name: str, dtype: Any, *shape: int | str) -> Any:
    """The declaration of an input or output; a dimension is a number, or a name if it may have any size."""
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), list(shape))


def to_bytes(graph: Any, about: str, metadata: dict[str, str]) -> bytes:
    """The bytes of the file of a graph, which onnx has checked."""
    opset = helper.make_opsetid("", OPERATORS)
    model = helper.make_model(
        graph, opset_imports=[opset], ir_version=FORMAT, producer_name="hadamrnn_ext", doc_string=about
    )
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data

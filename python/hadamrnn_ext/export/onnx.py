"""``hr.export.onnx`` writes a model as a graph of standard ONNX operators."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ..disk import write
from ..errors import InputError
from ..file.preprocess import Preprocess
from ..model import Model

__all__ = ["onnx"]


def onnx(
    model: Model,
    path: str | os.PathLike[str],
    *,
    preprocess: bool = True,
    lengths: bool = False,
    step: bool = False,
) -> Path:
    """Write a model as an ONNX file (operator set 17) that computes the logits of ``Model.infer`` up to rounding.

    Integer models are computed in 64-bit integers; with an integer readout their logits are those of ``Model.infer`` to the
    bit.

    The input ``x`` is float32 (B, T, d) features or int64 (B, T) tokens, and the output ``logits`` is (B, o) or (B, T, o).
    B and T are free, except that a permutation of the time steps fixes T. The metadata of the file holds the labels as a
    JSON list.

    Args:
        preprocess: if True, the graph scales, normalizes and permutes as the card says, and a model of pixels reads uint8
            (B, T, d). If False, ``x`` is what the network itself reads. Texts must be given as tokens in both cases.
        lengths: whether the graph has a second input ``lengths``, int64 (B,), which means the same as in ``Model.infer``.
        step: whether the graph is one time step, for streams: ``x`` is (B, d) or (B,), ``logits`` (B, o) are those of the
            sequence so far, and every other input NAME is a part of the state, which the output next_NAME is after the
            step. Each part is zeros before the first step; those of an integer model are int64.

    Returns:
        The path of the file.

    Raises:
        ImportError: the ``export`` extra is not installed.
        InputError: the model is bidirectional; or it permutes time steps while ``lengths`` or ``step`` is set; or both of
            these are set.
        OSError: the file cannot be written.

    Examples:
        >>> import onnxruntime
        >>> model, window = hr.load("har6"), hr.zoo.samples("har6")[0][0]
        >>> path = hr.export.onnx(model, "step.onnx", step=True)
        >>> session = onnxruntime.InferenceSession(path)
        >>> kinds = {"tensor(float)": np.float32, "tensor(int64)": np.int64}
        >>> _, *parts = session.get_inputs()
        >>> state = {part.name: np.zeros((1, *part.shape[1:]), kinds[part.type]) for part in parts}
        >>> names = [output.name for output in session.get_outputs()]
        >>> for x in window:
        ...     found = dict(zip(names, session.run(names, {"x": x[None], **state})))
        ...     state = {name: found[f"next_{name}"] for name in state}
        >>> logits = found["logits"][0]
        >>> bool(np.allclose(logits, model.infer(window), atol=1e-4))
        True
    """
    from . import onnx_graph, onnx_integers, onnx_layers, onnx_step  # these import onnx, which is an extra

    card = model.card
    if card.bidirectional:
        raise InputError("this model reads in both directions; expected one that reads forwards alone")
    rules = card.preprocess if preprocess else Preprocess()
    if step and lengths:
        raise InputError("step and lengths are both set; expected one of them: a step has no length")
    for name, given in (("lengths", lengths), ("step", step)):
        if rules.permutation is not None and given:
            raise InputError(f"this model permutes whole sequences; expected {name}=False")
    metadata = {} if card.labels is None else {"labels": json.dumps(card.labels)}
    if step:
        graph = (onnx_step.one_step if card.integer is None else onnx_integers.integer_step)(model, rules)
    else:
        network = onnx_layers.network if card.integer is None else onnx_integers.integer_network
        graph = network(model, rules, lengths)
    data = onnx_graph.to_bytes(graph, repr(model), metadata)
    write(path, data)
    return Path(path)

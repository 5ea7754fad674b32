"""``hr.export.onnx``: a float model as a graph of standard ONNX operators."""

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
    model: Model, path: str | os.PathLike[str], *, preprocess: bool = True, lengths: bool = False
) -> Path:
    """Write a float model as an ONNX file (operator set 17): the logits of ``Model.infer``, up to rounding.

    Input ``x`` is float32 (B, T, d) features or int64 (B, T) tokens, output ``logits`` (B, o) or (B, T, o). B and T
    are free, but a permutation of the time steps fixes T. Labels are in the file's metadata, as a JSON list.

    Args:
        preprocess: the graph scales, normalizes and permutes as the card says; a model of pixels then reads uint8
            (B, T, d). False: ``x`` is what the network itself reads. Texts must come as tokens either way.
        lengths: a second input ``lengths``, int64 (B,), with the meaning it has for ``Model.infer``.

    Returns:
        The path.

    Raises:
        ImportError: the ``export`` extra is not installed.
        InputError: it is an integer or a bidirectional model, or permutes the steps of sequences that are to have lengths.
        OSError: the file cannot be written.
    """
    from . import onnx_graph, onnx_layers  # onnx: only where it is needed

    card = model.card
    if card.integer is not None:
        raise InputError("this is an integer model; expected the float model that it was made of")
    if card.bidirectional:
        raise InputError("this model reads in both directions; expected one that reads forwards alone")
    rules = card.preprocess if preprocess else Preprocess()
    if rules.permutation is not None and lengths:
        raise InputError("this model permutes whole sequences; expected lengths=False")
    metadata = {} if card.labels is None else {"labels": json.dumps(card.labels)}
    data = onnx_graph.to_bytes(onnx_layers.network(model, rules, lengths), repr(model), metadata)
    write(path, data)
    return Path(path)

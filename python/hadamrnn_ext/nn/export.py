"""From a SequenceModel to the native Model, and the packed copy that evaluation runs on."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..file.card import Card, LayerCard, Training
from ..file.preprocess import Preprocess
from ..file.tensors import EMBEDDING, REVERSE
from ..model import Model
from . import hooks

if TYPE_CHECKING:
    from .sequence import SequenceModel


def to_native(module: SequenceModel, kernel: str, provenance: dict[str, Any]) -> Model:
    """The native Model of the module as it stands; see ``SequenceModel.to_native``."""
    if not has_native(module):
        raise InputError(
            f"this network has {module.rnn.num_layers} layers in both directions, which natively has one alone; expected "
            "num_layers=1 or bidirectional=False"
        )
    card = dataclasses.replace(
        _card(module),
        preprocess=module.preprocess or Preprocess(),
        labels=module.labels,
        training=training(provenance) if provenance else None,
    )
    return Model.from_parameters(card, _parameters(module), kernel)


def has_native(module: SequenceModel) -> bool:
    """Whether there is a native model of this kind: of layers that read both directions of the one below there is none."""
    return not module.rnn.bidirectional or module.rnn.num_layers == 1


def training(provenance: dict[str, Any]) -> Training:
    """The part of a card that says how a model was trained; names it does not know become its settings."""
    known = {field.name for field in dataclasses.fields(Training)} - {"settings"}
    fields = {name: value for name, value in provenance.items() if name in known}
    settings = {name: value for name, value in provenance.items() if name not in known}
    return Training(**fields, settings=settings)


class PackedCopy:
    """The native model that a SequenceModel evaluates with, repacked when any bit of any parameter has changed.

    Optimizer steps, ``load_state_dict`` and edits through ``.data`` leave no common trace, so the
    parameters are compared with a snapshot: simple, exact, and cheap beside a forward pass.
    """

    def __init__(self) -> None:
        self._state: tuple[list[Tensor], Model | None] = (
            [],
            None,
        )  # replaced as one: threads may share a module

    def infer(self, module: SequenceModel, x: Tensor, lengths: Tensor | None) -> Tensor | None:
        """What ``module.to_native().infer(x, lengths)`` gives, where x is prepared input (no ``preprocess``).

        None if a parameter is not finite, nor float32 on the CPU: there is no native model of such weights.
        """
        model = self._fresh(module)
        if model is None:
            return None
        y = model.infer(
            x.detach().resolve_neg().numpy(),
            None if lengths is None else lengths.resolve_neg().numpy(),
            num_threads=torch.get_num_threads(),
        )
        return torch.from_numpy(y)

    def _fresh(self, module: SequenceModel) -> Model | None:
        values = list(_tensors(module).values())
        if not all(value.dtype == torch.float32 and value.device.type == "cpu" for value in values):
            return None
        bits = [value.view(torch.int32) for value in values]  # -0.0 is not 0.0, and NaN is itself
        snapshot, model = self._state
        if len(bits) != len(snapshot) or not all(map(torch.equal, bits, snapshot)):
            finite = all(bool(value.isfinite().all()) for value in values)
            model = Model.from_parameters(_card(module), _parameters(module)) if finite else None
            self._state = [b.clone() for b in bits], model
        return model

    def __reduce__(self) -> tuple[type[PackedCopy], tuple[()]]:
        """Copies and pickles of a module start without a packed copy."""
        return PackedCopy, ()


def _card(module: SequenceModel) -> Card:
    rnn = module.rnn
    layer = LayerCard(rnn.hidden_size, rnn.block_size, cast(Any, rnn.recurrence))
    return Card(
        input="tokens" if module.tokens else "features",
        output=module.output,
        input_size=module.input_size,
        output_size=module.output_size,
        layers=(layer,) * rnn.num_layers,
        embedding_size=None if module.embedding is None else module.embedding.embedding_dim,
        weight_bits=rnn.weight_bits,
        output_weight_bits=module.output_weight_bits,
        bias_bits=rnn.bias_bits,
        embedding_bits=module.embedding_bits,
        bidirectional=rnn.bidirectional,
    )


def _tensors(module: SequenceModel) -> dict[str, Tensor]:
    """The parameters under the names of the model file; latent, ``Model.from_parameters`` quantizes."""
    rnn = module.rnn
    hooks.settle(module, rnn, module.embedding)
    tensors: dict[str, Tensor] = {"output.bias": module.output_bias}
    if module.embedding is not None:
        tensors[EMBEDDING] = module.embedding.weight
    weight = module.output_weight
    readouts = weight.chunk(2, dim=1) if rnn.bidirectional else (weight,)
    for direction, readout, prefix in zip(rnn.directions, readouts, ("", REVERSE), strict=False):
        tensors |= {f"{prefix}input.weight": rnn.weight(direction), f"{prefix}output.weight": readout}
        for i, layer in enumerate(rnn.layers(direction)):
            bias = torch.zeros_like(layer.signs) if layer.bias is None else layer.bias
            named = layer._replace(bias=bias)._asdict()
            tensors |= {f"{prefix}layers.{i}.{name}": t for name, t in named.items() if t is not None}
    return {name: tensor.detach() for name, tensor in tensors.items()}


def _parameters(module: SequenceModel) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    return {name: t.to("cpu", torch.float32).numpy() for name, t in _tensors(module).items()}

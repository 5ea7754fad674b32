"""From torch tensors to the native Model: what its card says about training, and the packed copy that evaluation runs on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..file.card import Card, Training
from ..file.preprocess import Preprocess
from ..model import Model
from . import decays
from .engines import threads


def native(card: Card, tensors: Mapping[str, Tensor], kernel: str = "auto") -> Model:
    """The native Model of latent tensors, which are named as in the model file; it shares no memory with them."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for name, latent in tensors.items():
        seen = decays.codes(latent) if name.endswith(".decays") else latent.to(torch.float32)
        arrays[name] = seen.cpu().numpy()
    return Model.from_parameters(card, arrays, kernel)


def training(provenance: dict[str, Any]) -> Training:
    """The part of a card that says how a model was trained; names that are not its fields go into ``settings``."""
    known = {field.name for field in dataclasses.fields(Training)} - {"settings"}
    fields = {name: value for name, value in provenance.items() if name in known}
    settings = {name: value for name, value in provenance.items() if name not in known}
    return Training(**fields, settings=settings)


class PackedCopy:
    """The native model that a SequenceModel evaluates with, repacked whenever any bit of any parameter has changed.

    Optimizer steps, ``load_state_dict`` and edits through ``.data`` leave no common trace, so the parameters are compared
    with a snapshot. That is simple, exact, and cheap compared with a forward pass.
    """

    def __init__(self) -> None:
        self._state: tuple[list[Tensor], Model | None] = (
            [],
            None,
        )  # replaced in one assignment, since threads may share a module

    def infer(
        self, card: Callable[[], Card], tensors: Mapping[str, Tensor], x: Tensor, lengths: Tensor | None
    ) -> Tensor | None:
        """The result of ``native(card(), tensors).infer(x, lengths)``, where x is already preprocessed.

        None if a parameter is not finite, or not float32 on the CPU, because such weights have no native model.
        """
        model = self._fresh(card, tensors)
        if model is None:
            return None
        y = model.infer(
            x.detach().resolve_neg().numpy(),
            None if lengths is None else lengths.resolve_neg().numpy(),
            num_threads=threads.core(),
        )
        return torch.from_numpy(y)

    def _fresh(self, card: Callable[[], Card], tensors: Mapping[str, Tensor]) -> Model | None:
        values = list(tensors.values())
        if not all(value.dtype == torch.float32 and value.device.type == "cpu" for value in values):
            return None
        bits = [value.view(torch.int32) for value in values]  # bits tell -0.0 from 0.0, and NaN equals itself
        snapshot, model = self._state
        if len(bits) != len(snapshot) or not all(map(torch.equal, bits, snapshot)):
            finite = all(bool(value.isfinite().all()) for value in values)
            prepared = {"preprocess": Preprocess(), "labels": None}
            model = native(dataclasses.replace(card(), **prepared), tensors) if finite else None  # type: ignore[arg-type]
            self._state = [b.clone() for b in bits], model
        return model

    def __reduce__(self) -> tuple[type[PackedCopy], tuple[()]]:
        """Copies and pickles of a module start without a packed copy."""
        return PackedCopy, ()

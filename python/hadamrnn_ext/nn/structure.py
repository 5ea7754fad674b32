"""What a state_dict says of the network that its parameters do not: beside them, so that all its values are parameters.

torch keeps a dict a module in ``state_dict()._metadata``, which torch.save and copy.deepcopy keep. Without it, as in the
checkpoints of earlier versions, nothing is known and nothing refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FIELDS = ("block_size", "recurrence", "input_activation", "differences")


def write(module: Any, metadata: dict[str, Any]) -> None:
    """Adds what ``module``, a HadamRNN, is."""
    metadata.update({name: getattr(module, name) for name in _FIELDS})


def differences(module: Any, metadata: Mapping[str, Any]) -> list[str]:
    """What is otherwise in the state_dict of this metadata; nothing where it does not say."""
    return [
        f"{name} is {metadata[name]!r} in the state_dict and {getattr(module, name)!r} in this network"
        for name in _FIELDS
        if name in metadata and metadata[name] != getattr(module, name)
    ]

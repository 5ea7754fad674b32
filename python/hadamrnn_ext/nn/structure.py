"""Facts about a network that its parameters do not show, kept in the metadata of its state_dict.

torch keeps a dict for each module in ``state_dict()._metadata``, which survives torch.save and copy.deepcopy, so that all
values of the state_dict itself remain parameters. Checkpoints of earlier versions lack these facts and are not checked.
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn


class Described(nn.Module):
    """A module that refuses a state_dict whose module differs in one of the attributes that ``described`` names."""

    described: ClassVar[tuple[str, ...]] = ()

    def _description(self) -> dict[str, Any]:
        """The described attributes as plain values, which ``torch.load(weights_only=True)`` accepts."""
        values = {name: getattr(self, name) for name in self.described}
        return {n: v if isinstance(v, str | int | None) else str(v) for n, v in values.items()}

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        metadata = getattr(destination, "_metadata", None)
        if metadata is not None:
            metadata[prefix[:-1]].update(self._description())

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        differences = [
            f"{name} is {local_metadata[name]!r} in the state_dict and {here!r} in this network"
            for name, here in self._description().items()
            if name in local_metadata and local_metadata[name] != here
        ]
        if differences:
            error_msgs.append(f"another network: {'; '.join(differences)}")
            return
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )

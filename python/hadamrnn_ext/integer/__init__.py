"""Integer models: how a float model is converted to one, and the proof that no sum in it overflows."""

from __future__ import annotations

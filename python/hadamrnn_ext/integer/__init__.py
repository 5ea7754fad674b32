"""Integer models: what their file holds, how a float model becomes one, and why no sum in them overflows."""

from __future__ import annotations

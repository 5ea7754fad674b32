"""HadamRNN: recurrent networks with binary and sparse ternary orthogonal weights."""

from __future__ import annotations

"""The values for ``sound.h.in`` and ``sound.c.in``, which hear as ``audio.log_mel`` does, in integers of 32 bits.

Samples have 16 bits, the window and the weights of the bands 15, the transform 19 bits for a sample of 1, and logarithms 12
bits behind the point. For samples of 16 bits a frame differs from that of ``log_mel`` by at most ``BOUND``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import audio
from ..file.card import Card
from .tables import Tables, real, table_values

__all__ = ["BOUND", "RESOLUTION", "values"]

#: What 1 of an integer frame stands for, in natural logarithms.
RESOLUTION = 2.0**-12
#: By how much a value of a frame may differ from that of ``audio.log_mel``, which a
#: tone of full loudness nearly reaches in the quiet bands beside it. Speech and noise stay below 0.001.
BOUND = 0.02
ONE = 1 << 15  # of a window, a cosine and a weight
#: What an energy of 1 is in C: 2^19 for a sample, squared, less the 12 bits that every power loses, times a weight.
ENERGY = 2.0 ** (2 * 19 - 12) * ONE


def values(card: Card, name: str, rate: int, raw: bool) -> dict[str, Any]:
    """The values for a model that hears at this rate; ``raw`` says whether ``name_prepare`` reads the frames."""
    points, tables = audio.WINDOW // 2, Tables()
    tables["hann"] = np.rint(np.hanning(audio.WINDOW)[: audio.HOP] * ONE).astype(np.uint16)
    tables["cosines"] = np.rint(np.cos(np.arange(65) * 2 * math.pi / audio.WINDOW) * ONE).astype(np.uint16)
    tables["logarithms"] = np.rint(np.log2(1 + np.arange(32) / 32) * (1 << 16)).astype(np.uint16)
    tables["band_of"], tables["weights"] = _bands(rate)
    quiet = round(audio.QUIET * ENERGY)
    return {
        "name": name,
        "NAME": name.upper(),
        "rate": rate,
        "hop": audio.HOP,
        "points": points,
        "raw": raw,
        "integer": card.integer is not None,
        "frame_kind": "raw" if raw else "input",
        "unit": real(RESOLUTION),
        "quiet": quiet,
        "log_quiet": round(math.log2(quiet) * (1 << 16)),
        **table_values(tables, audio.WINDOW),
    }


def _bands(rate: int) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """For every frequency, the band whose peak is the last below it, from 1 (0: none), and its weight in the next band.

    Between two peaks the weights of the two bands add up to 1. What lies outside of all bands goes to 0 and 33, which
    nobody reads.
    """
    edges = audio.mel_edges(rate)
    frequencies = np.arange(audio.WINDOW // 2 + 1) * rate / audio.WINDOW
    band = np.searchsorted(edges, frequencies, side="right") - 1  # -1 below the first edge
    below = np.clip(band, 0, audio.BANDS)
    rising = np.clip((frequencies - edges[below]) / (edges[below + 1] - edges[below]), 0, 1)
    return below.astype(np.uint8), np.rint(rising * ONE).astype(np.uint16)

"""Fitting in closed form: random networks that forget, of which only the readout is learned. Needs no torch."""

from __future__ import annotations

from .fitting import fit
from .report import Fitted, Report
from .running import Running

__all__ = ["Fitted", "Report", "Running", "fit"]

"""Exported models on emulated Cortex-M boards: their logits, their size, and the instructions they take."""

from __future__ import annotations

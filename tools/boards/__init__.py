"""Exported models on emulated small boards: their logits, their size, and what a step takes."""

from __future__ import annotations

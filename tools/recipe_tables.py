"""Writes the tables of recipes in docs/tasks.md, made from what `hadamrnn_ext.recipe` says of them.

Usage: python tools/recipe_tables.py
"""

from __future__ import annotations

from dataclasses import MISSING
from pathlib import Path

from hadamrnn_ext.recipe import PRESETS, Config, Preset
from hadamrnn_ext.recipe.config import option
from hadamrnn_ext.recipe.setting import settings, spelled
from sections import replaced, table

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "tasks.md"


def presets() -> list[tuple[str, ...]]:
    """A row for each preset: the options that it stands for."""
    rows: list[tuple[str, ...]] = [("preset", "options that it stands for")]
    for preset in PRESETS.values():
        values = [(item, getattr(preset, item.name)) for item, setting in settings(Preset) if setting.option]
        said = (option(item.name, value) for item, value in values if value != item.default)
        rows.append((f"`{preset.name}`", f"`{' '.join(said)}`"))
    return rows


def options() -> list[tuple[str, ...]]:
    """A row for each option of a recipe and of a run."""
    rows: list[tuple[str, ...]] = [("option", "what it is", "values", "where a preset says nothing")]
    for item, setting in [*settings(Preset), *settings(Config)]:
        if setting.option is not None:
            default = {None: setting.none, MISSING: ""}.get(item.default, str(item.default))
            values = f"{setting.expected}, or float" if setting.none == "float" else setting.expected
            rows.append((f"`{setting.option}`", spelled(setting.help), spelled(values), spelled(default)))
    return rows


def page(text: str) -> str:
    """The page with its tables as they should be."""
    return replaced(text, "tools/recipe_tables.py", table(presets()), table(options()))


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

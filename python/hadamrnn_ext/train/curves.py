"""The curves of a run as a picture, where matplotlib is installed: loss, scores, sign changes and learning rates."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import drawing
from ..disk import write_picture
from ..drawing import COLORS, available

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["available", "draw", "figure"]

TRAIN, VALIDATION, THIRD = COLORS[:3]
FEW = 40  # with at most this many epochs, each is marked with a dot


def draw(records: Iterable[dict[str, Any]], path: Path) -> None:
    """Draws the records of a log (`log.records`), at least one epoch among them, as the picture `path`."""
    write_picture(path, figure(records))


def figure(records: Iterable[dict[str, Any]]) -> Figure:
    """Four panels over the epochs; a dotted line marks the best epoch, whose weights the model file holds."""
    lines = list(records)
    epochs = [line for line in lines if line["event"] == "epoch"]
    drawn = drawing.figure(10, 6.4)
    drawn.suptitle(_title(lines[-1]), fontsize=drawing.LARGE, color=drawing.INK)
    panels = drawn.subplots(2, 2, sharex=True)
    for panel, content in zip(panels.flat, (_loss, _scores, _signs, _rates), strict=True):
        content(panel, epochs)
    best = max(line["epoch"] for line in epochs if line["best"])
    for panel in panels.flat:
        panel.axvline(best, color=drawing.PALE, linestyle=":", linewidth=1.2, zorder=0)
        x = "epoch" if panel in panels[1] else ""
        drawing.dress(panel, panel.get_title(), x, panel.get_ylabel())
        panel.xaxis.get_major_locator().set_params(integer=True)
    return drawn


def _title(last: dict[str, Any]) -> str:
    """The title for a log with this last record: the summary, or an epoch if the run is not finished."""
    if last["event"] != "summary":
        return f"epoch {last['epoch']}"
    scores = [f"{_words(name)} {value:.4g}" for name, value in last.items() if name.startswith("test_")]
    return f"{last['preset']}, seed {last['seed']}, best epoch {last['best_epoch']}: {', '.join(scores)}"


def _loss(panel: Axes, epochs: list[dict[str, Any]]) -> None:
    panel.set_title("loss")
    _curve(panel, epochs, "loss", "training", TRAIN)
    _curve(panel, epochs, "val_loss", "validation", VALIDATION)
    _logarithmic_if_wide(panel, epochs, "loss", "val_loss")
    panel.legend(loc="upper right")


def _scores(panel: Axes, epochs: list[dict[str, Any]]) -> None:
    names = [name for name in epochs[0] if name.startswith("val_") and name != "val_loss"]
    for name, color in zip(names, (VALIDATION, THIRD, TRAIN), strict=False):
        _curve(panel, epochs, name, _words(name.removeprefix("val_")), color)
    if len(names) == 1:
        panel.set_title(f"validation {_words(names[0].removeprefix('val_'))}")
    else:
        panel.set_title("validation scores")
        panel.legend(loc="lower right")


def _signs(panel: Axes, epochs: list[dict[str, Any]]) -> None:
    panel.set_title("sign changes per epoch")
    _curve(panel, epochs, "flips", "all", TRAIN)
    _curve(panel, epochs, "flipped", "still changed at its end", VALIDATION)
    if max(line["flips"] for line in epochs) > 100:
        panel.set_yscale("symlog", linthresh=10)  # a symmetric logarithm can show zero
        panel.yaxis.set_major_formatter("{x:g}")
    panel.set_ylim(bottom=0)
    panel.legend(loc="best")


def _rates(panel: Axes, epochs: list[dict[str, Any]]) -> None:
    panel.set_title("learning rate")
    _curve(panel, epochs, "lr", "weights", TRAIN)
    names = ["lr"]
    if any(line["sign_lr"] not in (0.0, line["lr"]) for line in epochs):
        names.append("sign_lr")
        _curve(panel, epochs, "sign_lr", "signs", VALIDATION)
        panel.legend(loc="upper right")
    _logarithmic_if_wide(panel, epochs, *names)


def _curve(panel: Axes, epochs: list[dict[str, Any]], name: str, label: str, color: str) -> None:
    panel.plot(
        [line["epoch"] for line in epochs],
        [line[name] for line in epochs],
        label=label,
        color=color,
        marker="o" if len(epochs) <= FEW else "",
        markersize=3.5,
        linewidth=1.5,
    )


def _logarithmic_if_wide(panel: Axes, epochs: list[dict[str, Any]], *names: str) -> None:
    """Makes the axis logarithmic, with plain numbers as labels, if the values are positive and far apart."""
    values = [line[name] for line in epochs for name in names]
    if min(values) > 0 and max(values) > 5 * min(values):
        panel.set_yscale("log", subs=(2, 5))
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter("{x:g}")


def _words(name: str) -> str:
    return name.replace("_", " ")

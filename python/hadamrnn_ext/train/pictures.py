"""Pictures of results, where matplotlib is installed: accuracy against size, and training curves.

They show what can be compared (`comparable`): of each kind of network the recipe that is best on validation data, and of
HadamRNNs those that no smaller one beats there. Runs of less than a quarter of the epochs of the best are left out.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import drawing
from ..disk import write_picture
from .results import Group

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["comparable", "draw", "figure", "learning", "sizes", "words"]

COLUMNS = 2
FEW = 6  # the most curves in a panel
SHARE = 4  # runs of less than one in so many of the best's epochs are left out
STYLES = ("-", "--", ":", "-.")  # of HadamRNNs, which have one colour
#: What the tasks are, for those who do not know their names.
TASKS = {
    "smnist": "smnist: digits, pixel by pixel",
    "pmnist": "pmnist: digits, pixels in random order",
    "fashion": "fashion: clothes, pixel by pixel",
    "digits": "digits: spoken digits",
    "har2": "har2: movements, two classes",
    "har6": "har6: movements, six classes",
    "imdb": "imdb: film reviews",
    "sst2": "sst2: sentences from film reviews",
}


def draw(groups: Sequence[Group], stem: Path, kind: str = "png") -> list[tuple[str, Path]]:
    """Writes both pictures beside `stem`, as "png" or "svg", and returns their titles and paths."""
    drawn = []
    for title, name, panel in (
        ("test scores against the size of the model file", "sizes", sizes),
        ("validation scores after each epoch", "curves", learning),
    ):
        path = stem.with_name(f"{stem.name}-{name}.{kind}")
        write_picture(path, figure(groups, panel))
        drawn.append((title, path))
    return drawn


def figure(groups: Sequence[Group], panel: Callable[[Axes, Sequence[Group]], None]) -> Figure:
    """A figure with a panel for each task in which something can be compared, or for each task where there is none.

    Sizes are compared among kinds of networks, and curves among all recipes.
    """
    tasks = {group.task: comparable([g for g in groups if g.task == group.task]) for group in groups}
    for several in (_kinds, len) if panel is sizes else (len,):
        kept = {task: found for task, found in tasks.items() if several(found) > 1}
        if kept:
            tasks = kept
            break
    columns = min(COLUMNS, len(tasks))
    rows = -(-len(tasks) // columns)
    drawn = drawing.figure(6.2 * columns, (3.9 if panel is sizes else 4.6) * rows)
    for place, (task, found) in enumerate(tasks.items(), 1):
        axes = drawn.add_subplot(rows, columns, place)
        panel(axes, found)
        drawing.dress(axes, TASKS.get(task, task), axes.get_xlabel(), axes.get_ylabel())
    marks = {
        label: mark
        for axes in drawn.axes
        if axes.get_legend() is None
        for mark, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if marks:
        drawing.legend(drawn, marks)
    return drawn


def comparable(groups: Sequence[Group]) -> list[Group]:
    """Of the recipes of one task those that are drawn: HadamRNNs from small to large, then the others."""
    best = max(groups, key=_validation)
    finished = [g for g in groups if SHARE * g.config.preset.epochs >= best.config.preset.epochs]
    ours: list[Group] = []
    for group in sorted(
        (g for g in finished if _kind(g) == "hadamrnn"), key=lambda g: (_bytes(g), -_validation(g))
    ):
        if not ours or _validation(group) > _validation(ours[-1]):
            ours.append(group)
    others = [
        max((g for g in finished if _kind(g) == kind), key=_validation)
        for kind in drawing.NETWORKS
        if kind != "hadamrnn" and any(_kind(g) == kind for g in finished)
    ]
    return ours + others


def sizes(axes: Axes, groups: Sequence[Group]) -> None:
    """Draws the mean test score against the bytes of the file, with a bar from the worst seed to the best."""
    ours = [group for group in groups if _kind(group) == "hadamrnn"]
    axes.plot(
        [_bytes(g) for g in ours], [_score(g) for g in ours], color=drawing.COLORS[0], linewidth=1, alpha=0.5
    )
    named = set()
    for group in groups:
        name, color, marker = drawing.NETWORKS[_kind(group)]
        scores = [100 * score for score in group.values(f"test_{group.metric}")]
        y = _score(group)
        bar = [[y - min(scores)], [max(scores) - y]]
        label = None if name in named else name
        named.add(name)
        axes.errorbar(
            [_bytes(group)],
            [y],
            bar,
            color=color,
            marker=marker,
            markersize=9,
            capsize=4,
            linestyle="",
            label=label,
        )
    drawing.bytes_axis(axes, [_bytes(group) for group in groups])
    axes.margins(y=0.15)
    axes.set_xlabel("size: the whole file of ours, the weights of others")
    axes.set_ylabel(f"test {groups[0].metric}, %")


def learning(axes: Axes, groups: Sequence[Group]) -> None:
    """Draws the validation score after each epoch: a recipe's mean over its runs, in a band from worst to best."""
    others = [group for group in groups if _kind(group) != "hadamrnn"]
    ours = [group for group in groups if _kind(group) == "hadamrnn"][-max(1, FEW - len(others)) :]
    shown = (ours + others)[:FEW]
    for number, group in enumerate(shown):
        runs = ([100 * line[f"val_{group.metric}"] for line in run.epochs] for run in group.runs)
        scores = list(zip(*runs, strict=False))
        epochs, color = range(1, len(scores) + 1), drawing.NETWORKS[_kind(group)][1]
        axes.fill_between(
            epochs, list(map(min, scores)), list(map(max, scores)), color=color, alpha=0.12, linewidth=0
        )
        axes.plot(
            epochs,
            list(map(statistics.fmean, scores)),
            color=color,
            linewidth=1.8,
            linestyle=STYLES[max(0, len(ours) - 1 - number) % len(STYLES)],  # our best recipe's is solid
            marker="." if len(scores) == 1 else "",
            label=words(group, shown),
        )
    axes.locator_params(axis="x", integer=True)
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"validation {groups[0].metric}, %")
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(0, -0.17),
        ncols=1 if len(shown) < 4 else 2,
        columnspacing=1.2,
        handlelength=1.8,
    )


def words(group: Group, among: Sequence[Group]) -> str:
    """A recipe in words, such as "HadamRNN, 512 units": what tells it from the others comes after that."""
    preset = group.config.preset
    said = f"{drawing.NETWORKS[preset.model][0]}, {preset.hidden_size:,} units"
    like = [g.config.preset for g in among if g is not group and _kind(g) == preset.model]
    if any(p.hidden_size == preset.hidden_size for p in like):
        said = (
            f"{said[:-6]} {preset.recurrence}"
            if any(p.recurrence != preset.recurrence for p in like)
            else said
        )
        if any(p.block_size != preset.block_size for p in like):
            said += f", blocks of {preset.block_size or preset.hidden_size}"
        if any(p.weight_bits != preset.weight_bits for p in like):
            said += f", {preset.weight_bits or 32} bits"
        if any(p.lr != preset.lr for p in like):
            said += f", rate {preset.lr:g}"
    if _kind(group) == "hadamrnn" and any(p.freeze_signs != preset.freeze_signs for p in like):
        said += ", signs frozen" if preset.freeze_signs else ", signs learned"
    return said


def _kind(group: Group) -> str:
    return group.config.preset.model


def _kinds(groups: Sequence[Group]) -> int:
    return len({_kind(group) for group in groups})


def _bytes(group: Group) -> float:
    """What a model takes: the file of a HadamRNN, as far as the logs say it, and the parameters of other networks."""
    file = group.mean("file_bytes") if _kind(group) == "hadamrnn" else None
    return file or group.mean("payload_bytes") or 0


def _score(group: Group) -> float:
    return 100 * (group.mean(f"test_{group.metric}") or 0)


def _validation(group: Group) -> float:
    """The mean over the runs of the score on validation data in the epoch that was kept, as far as the logs say it."""
    return group.mean(f"val_{group.metric}") or 0

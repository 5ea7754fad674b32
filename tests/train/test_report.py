"""From folders of runs to a page of results."""

from __future__ import annotations

import dataclasses
import json
import statistics
from pathlib import Path

import pytest

import results_tables
from hadamrnn_ext import cli, train
from hadamrnn_ext.recipe import BASELINES
from hadamrnn_ext.train import Config, as_baseline, curves, get_preset, pictures, results
from hadamrnn_ext.train.report import duration, markdown

EPOCH = {"event": "epoch", "epoch": 1, "loss": 1.0, "val_loss": 0.9, "val_accuracy": 0.5, "best": True}


@pytest.fixture
def made(tmp_path):
    """Writes the log of a run, of pmnist unless said otherwise, and returns its folder."""

    def made(name, accuracy=0.5, *, seed=0, preset=None, finished=True, **values):
        config = Config(preset or get_preset("pmnist"), seed=seed)
        summary = {
            "event": "summary",
            **config.to_dict(),
            "threads": 1,
            "cpu": "A processor",
            "val_accuracy": accuracy,
            "test_accuracy": accuracy,
            "test_loss": 0.25,
            "payload_bytes": 5000,
            "file_bytes": 6000,
            "operations": 12345,
            "seconds": 90.0,
            "inference_seconds": 4e-5,
            **values,
        }
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        lines = [EPOCH, {**EPOCH, "epoch": 2, "val_accuracy": 0.75}, *([summary] if finished else [])]
        (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return folder

    return made


def changed(**recipe):
    return dataclasses.replace(get_preset("pmnist"), **recipe)


def test_runs_that_differ_in_their_seed_are_one_row(made, tmp_path):
    accuracies = [0.9, 0.94, 0.95]
    for seed, accuracy in enumerate(accuracies):
        made(f"a{seed}", accuracy, seed=seed, seconds=60.0 * (seed + 1))
    made("b0", 0.91, preset=changed(lr=2e-3, block_size=32))
    made("b1", 0.92, preset=changed(block_size=32, output="mean"), payload_bytes=6000)
    made("c0", 0.85, preset=as_baseline(changed(hidden_size=64), "lstm"), payload_bytes=70000)
    made("d0", preset=changed(lr=0.5), finished=False)
    groups, left_out = results.collect([tmp_path / "runs"])
    assert left_out == [f"{tmp_path}/runs/d0: not finished, 2 epochs so far"]
    # By size, then by command.
    assert [(group.name, len(group.runs)) for group in groups] == [
        ("HadamRNN n=512", 3),
        ("Block-HadamRNN n=512 m=32", 1),
        ("Block-HadamRNN n=512 m=32 mean", 1),
        ("LSTM n=64", 1),
    ]
    mean, spread = statistics.fmean(accuracies), statistics.stdev(accuracies)
    table = [line for line in markdown(groups).splitlines() if line.startswith("| ")]
    assert table[2] == (
        f"| 1 | pmnist | HadamRNN n=512 | 0.001 | 5,000 | 6,000 | 12,345 | {100 * mean:.2f} ± {100 * spread:.2f} % | 0.25 | 3 "
        "| 2 min (1) | 40 µs (1) |"
    )
    assert table[3].startswith(
        "| 2 | pmnist | Block-HadamRNN n=512 m=32 | 0.002 | 5,000 | 6,000 | 12,345 | 91.00 % | 0.25 | 1 |"
    )
    commands = [line for line in markdown(groups).splitlines() if "`hadamrnn train" in line]
    assert commands == [
        "1. `hadamrnn train pmnist`",
        "2. `hadamrnn train pmnist --lr 0.002 --block-size 32`",
        "3. `hadamrnn train pmnist --block-size 32 --output mean`",
        "4. `hadamrnn train pmnist --hidden-size 64 --model lstm`",
    ]


def test_a_recipe_is_every_option_but_the_seed(made, tmp_path):
    made("a", preset=changed(lr=2e-3))
    made("b", seed=1, preset=changed(lr=2e-3))
    made("c", seed=2, preset=changed(lr=2e-3, warmup=1))
    groups, _ = results.collect([tmp_path])
    assert sorted(len(group.runs) for group in groups) == [1, 2]


def test_the_same_run_twice_counts_once(made, tmp_path):
    first = made("a", 0.5)
    second = made("b", 0.7)
    groups, left_out = results.collect([tmp_path, tmp_path])
    assert groups[0].values("test_accuracy") == [0.5]
    assert left_out == [f"{second}: the same recipe and seed as {first}"]


def test_a_run_of_an_earlier_version_has_gaps_and_default_settings(made, tmp_path):
    folder = made("a")
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    for name in ("model", "average", "operations", "inference_seconds"):
        del lines[-1][name]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    made("b", 0.7, seed=1)
    (group,), _ = results.collect([tmp_path])
    assert len(group.runs) == 2
    assert group.values("operations") == [12345]


def test_the_copy_task_is_reported_by_whole_sequences(made, tmp_path):
    made("a", preset=get_preset("copy"), test_sequences=0.75, test_accuracy=None)
    folder = tmp_path / "runs/a/log.jsonl"
    folder.write_text(folder.read_text().replace('"test_accuracy": null, ', ""))
    (group,), _ = results.collect([tmp_path])
    assert (group.metric, group.mean("test_sequences")) == ("sequences", 0.75)


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        ({"block_size": 512}, "HadamRNN n=512"),
        ({"recurrence": "relu", "num_layers": 2}, "HadamRNN n=512 L=2 relu"),
        ({"weight_bits": None, "block_size": 2}, "Block-HadamRNN n=512 m=2 p=float"),
        ({"weight_bits": 1, "state_bits": 8}, "HadamRNN n=512 p=1 8-bit state"),
    ],
)
def test_a_name_tells_what_is_unusual(made, tmp_path, recipe, name):
    made("a", preset=changed(**recipe))
    (group,), _ = results.collect([tmp_path])
    assert group.name == name


@pytest.mark.parametrize(
    ("model", "recipe", "name"),
    [
        ("cornn", {}, "coRNN n=64 mean"),
        ("cornn", {"gamma": 2.5}, "coRNN n=64 gamma=2.5 mean"),
        ("fastgrnn", {"recurrent_rank": 8}, "FastGRNN n=64 recurrent_rank=8 mean"),
        ("orthogonal", {"output": "last"}, "orthogonal RNN n=64"),
    ],
)
def test_names_of_networks_for_comparison(made, tmp_path, model, recipe, name):
    made("a", preset=dataclasses.replace(as_baseline(get_preset("har2"), model), hidden_size=64, **recipe))
    (group,), _ = results.collect([tmp_path])
    assert group.name == name


def test_a_rate_that_was_searched_has_an_asterisk(made, tmp_path):
    (made("a", preset=changed(lr=1e-2)) / "rates.jsonl").write_text("")
    made("b", seed=1, preset=changed(lr=1e-2))  # with the rate that seed 0 found
    made("c", preset=changed(lr=3e-4))
    groups, _ = results.collect([tmp_path])
    rows = [line.split(" | ")[3] for line in markdown(groups).splitlines() if "| pmnist |" in line]
    assert sorted(rows) == ["0.0003", "0.01 *"]


def test_notes_of_the_folder_end_the_page(made, tmp_path, capsys):
    made("a")
    assert cli.main(["report", str(tmp_path / "runs")]) == 0
    without = capsys.readouterr().out
    (tmp_path / "runs/notes.md").write_text("## Published\n\nMore of it.\n")
    assert cli.main(["report", str(tmp_path / "runs")]) == 0
    assert capsys.readouterr().out == without + "\n## Published\n\nMore of it.\n"


def test_times_stand_beside_the_machine_that_they_are_from(made, tmp_path):
    made("a")
    folder = made("b", preset=changed(lr=2e-3)) / "log.jsonl"
    folder.write_text(folder.read_text().replace('"cpu": "A processor", ', ""))
    page = markdown(results.collect([tmp_path])[0])
    assert (
        "The machine: A processor. Times are left out where the log of a run, of an earlier version," in page
    )
    rows = [line.split(" | ")[-2:] for line in page.splitlines() if "| pmnist |" in line]
    assert rows == [["1.5 min (1)", "40 µs (1) |"], ["", " |"]]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(7200, "2 h"), (90, "1.5 min"), (1.5, "1.5 s"), (0.0123, "12.3 ms"), (4.56e-5, "45.6 µs"), (None, "")],
)
def test_durations_have_the_unit_that_suits(seconds, text):
    assert duration(seconds) == text


def test_pictures_show_what_can_be_compared(made, tmp_path):
    pytest.importorskip("matplotlib")
    made("a", 0.9)
    made("b", 0.94, seed=1)
    gru = as_baseline(changed(hidden_size=8), "gru")
    made("c", 0.8, preset=gru, payload_bytes=9000, file_bytes=9999)
    made("d", preset=get_preset("har6"))  # nothing to compare it with
    made("e", 0.91, preset=changed(lr=2e-3), payload_bytes=7000)  # larger, and no better
    made("f", 0.95, preset=changed(hidden_size=1024, freeze_signs=True), payload_bytes=8000, file_bytes=10000)
    made("g", 0.7, preset=dataclasses.replace(gru, lr=2e-3), payload_bytes=9000)  # another rate was better
    made(
        "h", 0.9, preset=dataclasses.replace(as_baseline(changed(), "lstm"), epochs=24)
    )  # less than a quarter of 100
    groups, _ = results.collect([tmp_path])
    for kind, magic in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        for _, path in pictures.draw(groups, tmp_path / "results", kind):
            assert path.name in (f"results-sizes.{kind}", f"results-curves.{kind}")
            assert path.read_bytes().startswith(magic)
    sizes = pictures.figure(groups, pictures.sizes)
    (axes,) = sizes.axes
    assert axes.get_title(loc="left") == "pmnist: digits, pixels in random order"
    points = [tuple(container[0].get_xydata()[0]) for container in axes.containers]
    assert points == [(6000, pytest.approx(92)), (10000, 95), (9000, pytest.approx(80))]
    assert [text.get_text() for text in sizes.legends[0].get_texts()] == ["HadamRNN", "GRU"]
    (learning,) = pictures.figure(groups, pictures.learning).axes
    assert [list(line.get_ydata()) for line in learning.get_lines()] == [[50, 75]] * 3
    assert [text.get_text() for text in learning.get_legend().get_texts()] == [
        "HadamRNN, 512 units, signs learned",
        "HadamRNN, 1,024 units, signs frozen",
        "GRU, 8 units",
    ]


def test_a_single_recipe_is_drawn_as_well(made, tmp_path):
    pytest.importorskip("matplotlib")
    made("a", 0.9)
    groups, _ = results.collect([tmp_path])
    for panel in (pictures.sizes, pictures.learning):
        assert len(pictures.figure(groups, panel).axes) == 1


def test_pictures_show_every_kind_of_network(made, tmp_path):
    pytest.importorskip("matplotlib")
    for number, model in enumerate(["hadamrnn", *BASELINES]):
        preset = get_preset("har2") if model == "hadamrnn" else as_baseline(get_preset("har2"), model)
        made(model, 0.5 + number / 20, preset=preset, payload_bytes=1000 * (number + 1))
    groups, _ = results.collect([tmp_path])
    drawn = pictures.figure(groups, pictures.sizes)
    (axes,) = drawn.axes
    marks = [container[0] for container in axes.containers]
    assert len({(mark.get_color(), mark.get_marker()) for mark in marks}) == len(BASELINES) + 1
    assert sorted(text.get_text() for text in drawn.legends[0].get_texts()) == sorted(
        ["HadamRNN", *BASELINES.values()]
    )
    (axes,) = pictures.figure(groups, pictures.learning).axes
    assert len(axes.get_lines()) == pictures.FEW


def test_the_command_reports_real_runs(small, tmp_path, capsys):
    config = small(epochs=1)
    for seed in (0, 1):
        train.run(dataclasses.replace(config, seed=seed), tmp_path / f"runs/copy-{seed}")
    page = tmp_path / "docs/results.md"
    assert cli.main(["report", str(tmp_path / "runs"), "--output", str(page)]) == 0
    assert capsys.readouterr().out == f"{page}: 1 recipes, 2 runs\n"
    text = page.read_text()
    assert "| 1 | copy T=24 | HadamRNN n=16 | " in text
    command = next(line for line in text.splitlines() if line.startswith("1. `")).removeprefix("1. `")[:-1]
    # The command that the page tells makes these very bytes.
    out = tmp_path / "again"
    assert cli.main([*command.split()[1:], "--seed", "1", "--out", str(out), "--threads", "1"]) == 0
    runs = (tmp_path / "runs/copy-1", out)
    assert len({(run / "model.safetensors").read_bytes() for run in runs}) == 1


def test_the_page_of_the_documentation_is_made_of_the_logs_beside_it(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(curves, "available", lambda: True)
    docs = Path(__file__).parents[2] / "docs"
    assert cli.main(["report", str(docs / "runs"), "--output", str(tmp_path / "all_runs.md")]) == 0
    assert (tmp_path / "all_runs.md").read_text() == (docs / "all_runs.md").read_text()


def test_the_tables_of_the_page_of_results_are_made_of_these_logs():
    text = results_tables.PAGE.read_text(encoding="utf-8")
    assert text == results_tables.page(text), "run python tools/results_tables.py"


def test_without_a_finished_run_there_is_nothing_to_report(made, tmp_path, capsys):
    made("a", finished=False)
    assert cli.main(["report", str(tmp_path)]) == 1
    assert capsys.readouterr().err.splitlines() == [f"hadamrnn report: no finished run in {tmp_path}"]
    assert cli.main(["report", str(tmp_path / "nowhere")]) == 1

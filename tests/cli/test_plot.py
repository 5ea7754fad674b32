from __future__ import annotations

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext import plots
from hadamrnn_ext.errors import InputError, ShapeError

pytest.importorskip("matplotlib")


def lines(figure, panel=-1):
    return [np.asarray(line.get_ydata()) for line in figure.axes[panel].get_lines()]


@pytest.mark.parametrize("sizes", [((24, 12),), ((16, 16), (8, 8))])
def test_the_spectrum_is_that_of_the_recurrent_matrix(rng, make_model, sizes):
    model = make_model(rng, sizes=sizes)
    layer = len(sizes) - 1
    n, m = sizes[layer]
    signs = model.parameters()[f"layers.{layer}.signs"]
    w = np.diag(signs.astype(float)) @ np.kron(np.eye(n // m), hr.hadamard.matrix(m)) / np.sqrt(m)
    drawn = plots.spectrum(model, layer).axes[1].get_lines()[1]
    values = np.sort_complex(np.asarray(drawn.get_xdata()) + 1j * np.asarray(drawn.get_ydata()))
    np.testing.assert_allclose(np.sort(values.real), np.sort(np.linalg.eigvals(w).real), atol=1e-9)
    np.testing.assert_allclose(abs(values), 1, atol=1e-9)


def test_reading_shows_the_probabilities_after_every_step():
    images, _ = hr.zoo.samples("smnist")
    model = hr.load("smnist")
    figure = plots.reading(model, images[0], truth="7")
    last = model.classify(images[0].reshape(784, 1), top=10)
    drawn = sorted((curve[-1] for curve in lines(figure)), reverse=True)
    np.testing.assert_allclose(drawn, last.probabilities, rtol=1e-5, atol=1e-7)
    assert {len(curve) for curve in lines(figure)} == {784}
    shown = figure.axes[3].get_images()[0].get_array()  # four of seven parts: 448 pixels, 16 rows
    np.testing.assert_allclose(shown[:16, :, 0], images[0][:16] / 255)
    assert (shown[16:] == (0.55, 0.7, 0.85)).all()


def test_a_permuted_image_and_a_text_are_read_too():
    images, _ = hr.zoo.samples("pmnist")
    seen = plots.reading(hr.load("pmnist"), images[1]).axes[0].get_images()[0].get_array()
    assert (seen.reshape(-1, 3) == (0.55, 0.7, 0.85)).all(1).sum() == 784 - 112
    figure = plots.reading(hr.load("sst2"), "a dull beginning and a wonderful end")
    np.testing.assert_allclose(np.sum(lines(figure), axis=0), 1, rtol=1e-5)


def test_what_cannot_be_drawn_is_refused(rng, make_model):
    model = make_model(rng)
    with pytest.raises(InputError, match="layer is 1; expected 0 to 0"):
        plots.spectrum(model, 1)
    with pytest.raises(ShapeError, match="2 sequences; expected one"):
        plots.reading(model, np.zeros((2, 3, 2), np.float32))


@pytest.mark.parametrize("what", [("spectrum", "digits"), ("reading", "har6", "--number", 2)])
def test_plot_writes_a_picture(run, tmp_path, what):
    for kind, magic in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        out = tmp_path / f"picture.{kind}"
        assert run("plot", *what, "--out", out)[0] == 0
        assert out.read_bytes().startswith(magic)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (("reading", "har6", "--out", "x.gif"), "expected a name that ends in .png, .svg or .pdf"),
        (("reading", "har6", "--number", 4, "--out", "x.png"), "--number is 4; expected 0 to 3"),
        (("reading", "har6", "--text", "a walk", "--out", "x.png"), "text"),
    ],
)
def test_plot_refuses(run, options, match):
    code, _, stderr = run("plot", *options)
    assert code == 1
    assert match in stderr


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("plot reading har6 --out x.png windows.npy", 0),
        ("plot --out x.png reading har6 windows.npy --number 1", 0),
        ("infer --model har6 windows.npy --top 2 more.npy", 0),
        ("infer --model har6 --top 2 -- windows.npy more.npy", 0),
        (
            "report runs --output page.md more",
            1,
        ),  # these folders are missing, and that is what the error says
        ("data --json har", 0),
    ],
)
def test_files_and_options_come_in_any_order(run, tmp_path, monkeypatch, line, code):
    monkeypatch.chdir(tmp_path)
    windows, _ = hr.zoo.samples("har6")
    for name in ("windows.npy", "more.npy"):
        np.save(name, windows)
    found, stdout, stderr = run(*line.split())
    assert found == code, stderr
    assert "unrecognized" not in stderr
    assert ("more.npy" in stdout) == ("more.npy" in line)
    if code:
        assert "runs is not a folder" in stderr

"""Exported pages in a real browser: the bits of Python, what each kind of page does, and that no page asks for a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import unicodedata
import wave
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import hadamrnn_ext as hr
from browser import browser, chromium, served
from drawn import draw
from hadamrnn_ext import audio
from hadamrnn_ext.data import fsdd, mnist, sound
from hadamrnn_ext.export import wasm
from hadamrnn_ext.file.pool import Pool

pytestmark = pytest.mark.skipif(
    not (chromium() and wasm.compilers()) and not os.environ.get("HADAMRNN_CI"),
    reason="there is no Chromium, or no compiler of WebAssembly",
)

ROOT = Path(__file__).resolve().parents[2]
NORMALIZED = hr.Preprocess(normalization=hr.Normalization((1.0, -2.0), (3.0, 0.01)))
SCALED = hr.Preprocess(uint8_scale=1 / 255, normalization=hr.Normalization((0.5, 0.4), (0.2, 0.3)))
PERMUTED = hr.Preprocess(uint8_scale=1 / 255, permutation=hr.Permutation(seed=1, size=25))
KINDS = {
    "features": {"sizes": ((64, 64),), "input_size": 1},
    "wide": {"sizes": ((16, 16),), "input_size": 1100},
    "paley": {"sizes": ((48, 24),), "recurrence": "modrelu", "weight_bits": 5, "output_weight_bits": 8},
    "one_unit": {"sizes": ((1, 1),), "output_size": 1, "weight_bits": 2, "output_weight_bits": 6},
    "onehot": {"sizes": ((32, 32),), "input": "tokens", "input_size": 10, "output": "all"},
    "embedding": {"sizes": ((16, 4),), "input": "tokens", "input_size": 7, "embedding_size": 5},
    "floats": {"sizes": ((20, 20),), "weight_bits": None, "output_weight_bits": None},
    "layers": {"sizes": ((40, 8), (64, 64), (96, 32)), "output": "all", "recurrence": "relu"},
    "sign_layers": {"sizes": ((24, 8), (16, 16)), "recurrence": "sign", "output": "mean"},
    "normalized": {"preprocess": NORMALIZED},
    "scaled": {"preprocess": SCALED},
    "permuted": {"input_size": 1, "preprocess": PERMUTED},
    "pool": {
        "sizes": ((24, 12), (16, 16)),
        "decays": True,
        "input_activation": "clip",
        "differences": True,
        "pool": Pool(2),
        "preprocess": NORMALIZED,
    },
    "forgetting": {
        "sizes": ((24, 12),),
        "decays": True,
        "input_activation": "clip",
        "differences": True,
        "pool": Pool(2),
        "preprocess": NORMALIZED,
    },
    "running_pool": {
        "input": "tokens",
        "input_size": 10,
        "input_activation": "relu",
        "pool": Pool(1, excess=False, time_constant=3),
        "output": "all",
    },
}
ARRAYS = {
    "uint8": "Uint8Array",
    "int16": "Int16Array",
    "int32": "Int32Array",
    "float32": "Float32Array",
    "float64": "Float64Array",
}
ONCE = "const m = await (await import('./model.js')).load(); const bits = (y) => Array.from(new Uint32Array(y.buffer));"


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Two recordings of the package's samples as WAV files, and one file with both, for the microphone."""
    folder = tmp_path_factory.mktemp("sounds")
    arrays = np.load(Path(hr.zoo.__file__).parent / "pretrained" / "spoken.npz")
    quiet = np.zeros(8000, np.int16)
    paths = {}
    for i in range(2):
        paths[i] = folder / f"{i}.wav"
        write(paths[i], arrays[f"sound_{i}"])
    write(folder / "all.wav", np.concatenate([quiet, arrays["sound_0"], quiet, quiet]))
    return {**paths, "all": folder / "all.wav", "labels": arrays["labels"]}


def write(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.astype("<i2").tobytes())


@pytest.fixture(scope="module")
def page(sounds):
    """A page of a browser whose microphone hears a file."""
    microphone = (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={sounds['all']}%noloop",
        "--autoplay-policy=no-user-gesture-required",
    )
    with browser(*microphone) as found:
        yield found


@pytest.fixture
def opened(page, tmp_path):
    """Exports a model and opens its page; at the end, the browser must have had nothing to complain of."""
    servers = []

    def go(model, name="model"):
        hr.export.web(model, tmp_path / name, name)
        server = served(tmp_path / name)
        servers.append(server)
        page.problems.clear()
        page.look(1100)
        page.open(server.__enter__())
        return page

    yield go
    for server in servers:
        server.__exit__(None, None, None)
    assert page.problems == []


def run(page, script):
    """What a function of JavaScript returns, in which ``m`` is the model."""
    return page.evaluate(f"(async () => {{ {ONCE} {script} }})()")


def array(x):
    """A typed array of JavaScript with the numbers of a NumPy array in a row."""
    return f"new {ARRAYS[x.dtype.name]}({json.dumps(x.reshape(-1).tolist())})"


def bits(logits):
    return logits.reshape(-1).view(np.uint32).tolist()


def inputs(rng, model):
    """Sequences of every type of number that the model takes."""
    card = model.card
    if card.input == "tokens":
        return [rng.integers(0, card.input_size, 40).astype(np.int32)]
    shape = (25, card.input_size)
    kinds = [rng.normal(size=shape).astype(np.float32), 3 * rng.normal(size=shape)]
    if card.preprocess.uint8_scale is not None:
        return [*kinds, rng.integers(0, 256, shape).astype(np.uint8)]
    return [*kinds, rng.integers(-9, 9, shape).astype(np.int16), rng.integers(-9, 9, shape).astype(np.int32)]


@pytest.mark.parametrize(
    ("kind", "readout"),
    [(kind, None) for kind in KINDS]
    + [
        (kind, "integer")
        for kind, fields in KINDS.items()
        if kind != "pool" and "embedding_size" not in fields and fields.get("weight_bits", 4)
    ]
    + [("forgetting", "float")],
)
def test_a_model_gives_the_bits_of_python(opened, make_model, rng, kind, readout):
    model = make_model(rng, **KINDS[kind])
    if readout is not None:
        steps = 25 if kind == "permuted" else 60
        model = model.quantize(draw(rng, model, 4, steps), readout=readout)
    page = opened(model)
    for x in inputs(rng, model):
        assert run(page, f"return bits(m.infer({array(x)}))") == bits(model.infer(x)), x.dtype


def test_streams_go_on_beside_each_other(opened, make_model, rng):
    model = make_model(rng, **KINDS["pool"])
    page, x = opened(model), rng.normal(size=(2, 12, 2))
    ours = [model.stream(), model.stream()]
    expected = [bits(ours[i % 2].step(x[i % 2, i // 2])) for i in range(24)]
    got = run(
        page,
        f"const x = {json.dumps(x.tolist())}, s = [m.stream(), m.stream()], found = [];"
        "for (let i = 0; i < 24; ++i) found.push(bits(s[i % 2].step(x[i % 2][i >> 1])));"
        "s[0].reset(); found.push(bits(s[0].run(x[0]))); m.infer(x[1]); found.push(bits(s[1].logits()));"
        "return found;",
    )
    assert got == [*expected, bits(model.infer(x[0])), expected[-1]]


def test_classes_and_probabilities_are_those_of_python(opened, make_model, rng):
    for fields in ({"output_size": 4, "labels": ("a", "b", "c", "d")}, {"output_size": 1}):
        model = make_model(rng, **fields)
        x = rng.normal(size=(5, 2))
        labels, shares = model.classify(x, top=2)
        got = run(
            opened(model, f"of{fields['output_size']}"), f"return m.classify({json.dumps(x.tolist())}, 2)"
        )
        assert [answer["label"] for answer in got] == [str(label) for label in labels]
        np.testing.assert_allclose([answer["probability"] for answer in got], shares, atol=1e-6)


def test_wrong_input_is_refused_with_its_place(opened, make_model, rng):
    page = opened(make_model(rng, **KINDS["normalized"]))
    told = partial(lambda script: run(page, f"try {{ {script} }} catch (e) {{ return e.message }}"))
    assert told("m.infer([])") == "met an empty sequence; expected at least one step"
    assert told("m.infer([1, 2, 3])") == "met 3 numbers; expected a multiple of 2, the numbers of one step"
    assert told("m.infer([[1, 2], [3, NaN]])") == "number 1 of step 1 is NaN; expected finite numbers"
    assert told("m.stream().step([1, 2, 3, 4])") == "met 4 numbers; expected 2, one step"
    assert told("m.infer('words')").startswith("met a text; expected numbers")
    assert told("m.infer(7)") == "met number; expected an array of numbers, or of steps"
    page = opened(make_model(rng, **KINDS["onehot"]), "tokens")
    assert told("m.infer([3, 10])") == "token 1 is 10; expected 0 to 9"
    page = opened(make_model(rng, **KINDS["permuted"]), "permuted")
    assert told("m.infer(new Uint8Array(24))") == (
        "met 24 steps; expected 25, which this model reads in an order of its own"
    )
    assert told("m.stream()").endswith("expected raw: true")
    assert "expected a Uint8Array, or numbers 0 to 1" in told("m.infer(new Int32Array(25).fill(9))")


@pytest.mark.parametrize("name", ["smnist", "smnist-int12", "pmnist"])
def test_two_hundred_images_give_the_bits_of_python(opened, data_dir, name, capsys, request):
    model = hr.load(name)
    images = mnist.read(data_dir / "mnist")[1].images[:200]
    page = opened(model, name)
    got = run(
        page,
        f"const x = {array(images)}, found = [];"
        "for (let i = 0; i < 200; ++i) found.push(...bits(m.infer(x.subarray(784 * i, 784 * (i + 1)))));"
        "return found;",
    )
    assert got == bits(model.infer(images[..., None]))
    active = hr.isa.active()
    browser_us, native_us = [], {"scalar": [], active: []}
    request.addfinalizer(lambda: hr.isa.use(active))
    for _ in range(6):  # in turns, since other work on the machine slows down one or the other
        spent = run(
            page,
            f"const x = {array(images[0])}; m.infer(x); const t = performance.now(); for (let i = 0; i < 10; ++i) m.infer(x); return performance.now() - t;",
        )
        browser_us.append(1000 * spent / 7840)
        for isa, times in native_us.items():
            hr.isa.use(isa)
            native = hr.load(name)
            native.infer(images[0][:, None], num_threads=1)
            begin = time.perf_counter()
            for _ in range(10):
                native.infer(images[0][:, None], num_threads=1)
            times.append(1e6 * (time.perf_counter() - begin) / 7840)
    with capsys.disabled():
        print(
            f"\n{name}: {min(browser_us):.2f} us per step in the browser,",
            ", ".join(f"{min(times):.2f} native ({isa})" for isa, times in native_us.items()),
        )


THREE = [
    [
        (0.3, 0.25),
        (0.45, 0.18),
        (0.62, 0.25),
        (0.62, 0.4),
        (0.45, 0.48),
        (0.62, 0.52),
        (0.66, 0.7),
        (0.5, 0.82),
        (0.3, 0.75),
    ]
]
ONE = [[(0.5, 0.15), (0.5, 0.5), (0.5, 0.85)]]
ANSWERED = r"/\(\d/.test(document.getElementById('answer').textContent)"


def test_a_drawn_digit_is_recognised(opened):
    page = opened(hr.load("smnist"), "smnist")
    for lines, digit in ((THREE, "3"), (ONE, "1")):
        page.draw(lines)
        page.wait(ANSWERED)
        assert page.text("answer").startswith(f"{digit} ("), page.text("answer")
        assert page.text("progress") == "784 of 784 pixels read"
        page.evaluate("document.getElementById('clear').click()")
        assert page.text("answer") == "Nothing yet"


def test_a_digit_can_be_drawn_by_keys(opened):
    page = opened(hr.load("pmnist"), "pmnist")
    page.evaluate("document.getElementById('drawing').focus()")
    for key in [" ", *["ArrowDown"] * 14, " "]:
        page.call("Input.dispatchKeyEvent", type="keyDown", key=key)
        page.call("Input.dispatchKeyEvent", type="keyUp", key=key)
    page.wait(ANSWERED)
    assert page.text("answer").startswith("1 ("), page.text("answer")


def test_a_picture_file_is_read_as_it_is(opened, tmp_path):
    image, digit = (values[0] for values in hr.zoo.samples("smnist"))
    pytest.importorskip("matplotlib.image").imsave(tmp_path / "digit.png", image, cmap="gray")
    page = opened(hr.load("smnist"), "smnist")
    page.choose("file", tmp_path / "digit.png")
    page.wait(ANSWERED)
    assert page.text("answer").startswith(f"{digit} ("), page.text("answer")


def test_log_mel_frames_are_those_of_python(opened, rng):
    page = opened(hr.load("digits"), "digits")
    for rate, size in ((8000, 5000), (16000, 130), (8000, 256), (8000, 900)):
        samples = (rng.normal(size=size) * rng.uniform(1e-4, 1, size)).astype(np.float32)
        for steps in (None, 64, 3):
            got = page.evaluate(
                "(async () => { const { logMel } = await import('./mel.js');"
                f"return Array.from(logMel({array(samples)}, {rate}, {json.dumps(steps)})); }})()"
            )
            expected = audio.log_mel(samples, rate, steps)
            assert len(got) == expected.size
            np.testing.assert_allclose(np.reshape(got, expected.shape), expected, atol=2e-6)


def test_frames_that_come_bit_by_bit_are_the_same(opened, rng):
    samples = rng.normal(size=3000).astype(np.float32)
    got = opened(hr.load("digits"), "digits").evaluate(
        "(async () => { const { Frames } = await import('./mel.js'); const f = new Frames(8000), x = "
        f"{array(samples)}, found = []; for (let i = 0; i < 3000; i += 70) found.push(...f.push(x.subarray(i, i + 70)));"
        "return found; })()"
    )
    expected = audio.log_mel(samples, 8000).reshape(-1)[: len(got)]
    assert len(got) == ((3000 - 256) // 128 + 1) * 32
    np.testing.assert_allclose(got, expected, atol=2e-6)


def test_the_resampler_keeps_tones_and_stops_what_is_too_high(opened):
    got = opened(hr.load("digits"), "digits").evaluate(
        "(async () => { const { Resampler } = await import('./listening.js'); const power = {};"
        "for (const hertz of [300, 2000, 6000]) { const r = new Resampler(48000, 8000), all = [];"
        "  for (let k = 0; k < 48000; k += 1000) all.push(...r.push(Float32Array.from({ length: 1000 }, (_, i) =>"
        "    Math.sin(2 * Math.PI * hertz * (k + i) / 48000))));"
        "  const middle = all.slice(500, 7500); power[hertz] = [all.length, 2 * middle.reduce((s, v) => s + v * v, 0) / 7000]; }"
        "return power; })()"
    )
    for hertz, (count, power) in got.items():
        assert abs(count - 8000) < 40
        assert abs(power - (0 if hertz == "6000" else 1)) < 0.02, (hertz, power)


def test_a_sound_file_has_the_answer_of_python(opened, sounds):
    page = opened(hr.load("digits"), "digits")
    model = hr.load("digits")
    for i in range(2):
        samples, rate = sound.read("x.wav", sounds[i].read_bytes())
        label, share = model.classify(audio.log_mel(samples, rate, fsdd.STEPS))
        page.evaluate("document.getElementById('answer').textContent = ''")
        page.choose("file", sounds[i])
        page.wait(ANSWERED)
        assert label[0] == fsdd.CLASSES[sounds["labels"][i]]
        assert page.text("answer") == f"{label[0]} ({100 * share[0]:.0f} %)"


def test_the_microphone_is_heard(opened, sounds):
    page = opened(hr.load("digits-int12"), "digits-int12")
    page.evaluate("document.getElementById('listen').click()")
    page.wait(ANSWERED)
    assert page.text("answer").startswith(f"{fsdd.CLASSES[sounds['labels'][0]]} ("), page.text("answer")
    page.evaluate("document.getElementById('listen').click()")
    assert page.text("listen") == "Listen"


def test_a_spotter_that_nobody_resets_hears_its_word_in_the_microphone(opened, sounds, rng):
    frames, labels = [], []
    for _ in range(12):
        for i in (0, 1):
            samples = sound.read("x.wav", sounds[i].read_bytes())[0] * np.float32(10 ** rng.uniform(-0.5, 0))
            heard = np.concatenate(
                [np.zeros(rng.integers(2000, 8000), np.float32), samples, np.zeros(4000, np.float32)]
            )
            heard += np.float32(10 ** rng.uniform(-4.5, -3)) * rng.standard_normal(len(heard), np.float32)
            frames.append(audio.log_mel(heard))
            labels.append(np.full(len(frames[-1]), "other"))
            end = (len(heard) - 4000) // audio.HOP
            labels[-1][end : end + 20] = ("word", "other")[i]
    model, _ = hr.fit(
        [np.concatenate(frames)], [np.concatenate(labels)], every_step=True, hidden_size=128, sound_rate=8000
    )
    assert model.card.endless
    page = opened(model, "spotter")
    page.evaluate(
        "window.told = []; new MutationObserver(() => window.told.push(document.getElementById('answer').textContent))"
        ".observe(document.getElementById('answer'), { childList: true, characterData: true, subtree: true });"
        "document.getElementById('listen').click()"
    )
    first, last = (
        f"window.told.{find}((text) => text.startsWith('{label} ('))"
        for find, label in (("findIndex", "other"), ("findLastIndex", "word"))
    )
    page.wait(f"{first} >= 0 && {last} > {first}")
    page.wait("window.told.at(-1).startsWith('other (')")
    page.evaluate("document.getElementById('listen').click()")


def test_a_table_is_read_by_windows(opened):
    windows, answers = hr.zoo.samples("har6")
    model = hr.load("har6")
    page = opened(model, "har6")
    names = model.card.labels
    rows = [
        "\t".join(f"{value!r}".replace(".", ",") for value in step)
        for step in windows.astype(float).reshape(-1, 9).tolist()
    ]
    page.evaluate(
        f"document.getElementById('table').value = {json.dumps(chr(10).join(rows))}; document.getElementById('read').click()"
    )
    page.wait(ANSWERED)
    expected = ", ".join(names[i] for i in answers)
    assert page.text("understood") == f"512 steps of 9 numbers; the answers for each 128 steps: {expected}"
    labels, shares = model.classify(windows[-1].astype(float))
    assert page.text("answer") == f"{labels[0]} ({100 * shares[0]:.0f} %)"


def test_the_motion_of_a_phone_is_read_as_it_comes(opened, make_model, rng, page):
    pool = {"decays": True, "pool": Pool(1, time_constant=2)}
    model = make_model(rng, input_size=3, labels=("still", "up", "down"), **pool)
    page.call("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=1)
    try:
        opened(model)
        page.evaluate(
            "document.getElementById('motion').click(); setInterval(() => window.dispatchEvent(new DeviceMotionEvent('devicemotion',"
            " { accelerationIncludingGravity: { x: 1, y: 2, z: 9.8 } })), 10)"
        )
        page.wait(ANSWERED)
        expected = model.classify(np.tile([1, 2, 9.8], (300, 1)))  # the running means no longer change
        page.wait(
            f"document.getElementById('answer').textContent === '{expected.labels[0]} ({100 * expected.probabilities[0]:.0f} %)'"
        )
        page.evaluate("document.getElementById('motion').click()")
    finally:
        page.call("Emulation.setTouchEmulationEnabled", enabled=False)


def test_the_site_of_examples_leads_to_its_pages(page, tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "web" / "build.py", tmp_path],
        env={**os.environ, "PYTHONPATH": str(Path(hr.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("bytes of WebAssembly") == 3
    page.problems.clear()
    with served(tmp_path) as address:
        page.call("Page.navigate", url=address)
        page.wait("document.readyState === 'complete' && document.querySelectorAll('section a').length")
        links = page.evaluate("Array.from(document.querySelectorAll('section a')).map((link) => link.href)")
        assert len(links) == 3
        for link in links:
            page.open(link)
    assert page.problems == []


def test_columns_of_a_table_are_found_by_name_and_mistakes_by_place(opened, make_model, rng):
    page = opened(make_model(rng, data=hr.file.data_card.DataCard(features=("x", "y"))))
    read = lambda text: page.evaluate(
        f"(async () => {{ const {{ table }} = await import('./table.js'); try {{ return table({json.dumps(text)}, 2, ['x', 'y']).values; }}"
        "catch (e) { return e.message; } })()"
    )
    assert read("y,id,x\n1,7,2\n3,7,4.5e1\n") == [[2, 1], [45, 3]]
    assert read("id;x;y\n7;0,5;1\n") == [[0.5, 1]]
    assert read("1 2\n3 4\n") == [[1, 2], [3, 4]]
    assert read("x,y\n1,2\n\n1,?\n") == 'line 4, column 2 is "?"; expected a number'
    assert read("1\n2\n") == "the table has 1 columns; expected 2, the numbers of one step"
    assert read(" \n") == "the table is empty; expected a row of numbers for each step"


def test_the_copy_task_is_solved_on_its_page(opened):
    page = opened(hr.load("copy"), "copy")
    page.evaluate("document.getElementById('example').click()")
    told = page.text("said")
    assert told.split("were ")[1].split(";")[0] == told.split("are ")[1].rstrip("."), told


def test_text_is_read_as_python_reads_it(opened):
    model = hr.load("sst2")
    page = opened(model, "sst2")
    assert page.text("answer").startswith("positive (")
    text = "It's a DULL film\u2019s; naïve, 3rd-rate, O'Brien''s x_y \u4f60\u597d \U0001f600 ÀÉ Straße"
    assert (
        run(page, f"return Array.from(m.tokens({json.dumps(text)}))")
        == model.card.preprocess.vocabulary.tokens(text).tolist()
    )
    assert run(page, f"return bits(m.infer({json.dumps(text)}))") == bits(model.infer(text))
    page.evaluate(
        f"const t = document.getElementById('text'); t.value = {json.dumps(text)}; t.dispatchEvent(new Event('input'))"
    )
    label, share = model.classify(text)
    assert page.text("answer") == f"{label[0]} ({100 * share[0]:.0f} %)"


def test_words_are_split_as_in_python_at_every_character(opened):
    """Those that Python's version of Unicode knows, which may be older than that of the browser."""
    page, split = opened(hr.load("sst2"), "sst2"), hr.Vocabulary.split
    known = [
        chr(code) for code in range(1, 0x20000) if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")
    ]
    words = [f"a{character}b" for character in known]
    got = run(page, f"return {json.dumps(words)}.map((word) => m.words(word))")
    different = [
        (ord(known[i]), got[i], split(word)) for i, word in enumerate(words) if got[i] != split(word)
    ]
    assert different == []


@pytest.mark.parametrize("name", ["smnist", "digits", "har6", "copy", "sst2"])
@pytest.mark.parametrize("dark", [False, True])
def test_pages_fit_a_phone_and_have_contrast(opened, name, dark):
    page = opened(hr.load(name), name)
    page.look(360, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for element in ("h1", "header p", "h2", "#answer", "button", ".small"):
        if element == "button" and name == "sst2":  # it answers without being asked
            continue
        ratio = page.evaluate(
            """((element) => {
              const light = (color) => {
                const [r, g, b] = color.match(/[\\d.]+/g).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
              };
              const ground = (e) => { const c = getComputedStyle(e).backgroundColor; return c === "rgba(0, 0, 0, 0)" && e.parentElement ? ground(e.parentElement) : c; };
              const e = document.querySelector(element), two = [light(getComputedStyle(e).color), light(ground(e))].sort();
              return (two[1] + 0.05) / (two[0] + 0.05);
            })"""
            + f"({element!r})"
        )
        assert ratio >= 4.5, (element, ratio)
    unnamed = page.evaluate(
        "Array.from(document.querySelectorAll('button, input, textarea, canvas')).filter((e) => !e.textContent.trim()"
        " && !e.labels?.length && !e.getAttribute('aria-label')).map((e) => e.outerHTML)"
    )
    assert unnamed == []


@pytest.mark.skipif(
    shutil.which("node") is None and not os.environ.get("HADAMRNN_CI"), reason="there is no Node.js"
)
def test_the_package_is_imported_by_its_name_in_node(tmp_path):
    model, (x, _) = hr.load("har6"), hr.zoo.samples("har6")
    hr.export.web(model, tmp_path / "node_modules" / "har6", "har6")
    (tmp_path / "use.mjs").write_text(
        f"import {{ load }} from 'har6'; const m = await load();"
        f"console.log(JSON.stringify(Array.from(new Uint32Array(m.infer({array(x[0])}).buffer))));"
    )
    done = subprocess.run(["node", "use.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == bits(model.infer(x[0]))

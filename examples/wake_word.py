"""From a phrase to a model of some kilobytes that listens for it, in minutes and without a recording.

    python examples/wake_word.py "hey kitchen" --out kitchen

The synthetic voices of `espeak-ng` say the phrase at many speeds and pitches, and other words besides; loudness, speed and
noise vary. `hadamrnn_ext.train.fit` trains a network that forgets to say at every frame whether the phrase has just been
said, so nobody ever resets its stream. A threshold is chosen with voices that the training has not heard, and misses and
false alarms per hour are counted with others that neither has heard. The folder gets the model, its C library, which takes
samples of a microphone, and a web page that listens.

The voices are synthetic, and so is the room. A real kitchen has other noise and real people, so expect more misses there,
and record some of them before you rely on it.

Needs `espeak-ng`, a program of the system (Debian: apt install espeak-ng), and torch (the extra `train`).
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import hadamrnn_ext as hr
from hadamrnn_ext import audio
from hadamrnn_ext.data import sound
from listening import Track, alarms, chosen, counted, labelled, odds_of, scores

RATE = 8000
#: Frames of the pieces that are trained on, 3 seconds.
PIECE = 192
#: How often all that is trained on is mixed anew, in another order, with other speeds, loudnesses and noise.
VARIANTS = 2
ACCENTS = """
en-us en-gb en-029 en-gb-x-rp en-gb-scotland en-gb-x-gbclan en-gb-x-gbcwmd en-us-nyc
"""
#: Four small layers that forget, of which the last moments are read, and how they are trained.
RECIPE: dict[str, Any] = {
    "num_layers": 4,
    "hidden_size": 128,
    "block_size": 16,
    "decays": True,
    "longest": 64.0,
    "differences": True,
    "thresholds": 2,
    "pooled": "excess",
    "time_constant": 4,
    "batch_size": 32,
    "lr": 5e-3,
    "grad_clip": 1.0,
    "input_noise": 0.1,
    "label_smoothing": 0.0,
    "validation": 0.05,
}
#: Voices of espeak-ng: those that are trained on, those that choose the threshold, and those that are only counted.
HEARD = """
Alex Alicia Andrea Andy Annie AnxiousAndy Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario Michael Mike Nguyen Storm
anika announcer aunty benjamin boris caleb croak david ed f1 f4 grandma grandpa gustave iven iven2 iven3 iven4 john klatt linda
m1 m2 m5 m7 marcelo
"""
HELD = "adam antonio belinda edward f2 klatt3 m3 max"
UNHEARD = """
f3 f5 m4 m6 m8 klatt2 klatt4 michel miguel norbert pablo paul pedro quincy rob robert sandro shelby steph travis victor zac
"""
#: Shares of the other sayings that begin or end as the phrase does: of those that are trained on, and of those that count.
HALVES, HALVES_COUNTED = 0.6, 0.05
#: Words that are said instead.
WORDS = """
about above after again air all almost along also always and animal answer any around ask away back because been before
began begin being below between big book both boy but call came can car carry change children city close come could
country cut day did different does done door down each earth eat end enough even every example eye face family far
father feet few find first follow food for form found four from get girl give good great group grow had hand hard has
have head hear heard help her here high him his home house how idea important into its just keep kind know land large
last later learn leave left letter life light like line list little live long look made make man many may mean men
might mile minute miss more most mother mountain move much music must name near need never new next night nothing now
number of off often old once one only open other our out over own page paper part people picture place plant play point
put question quick quickly quite read really right river room run said same saw say school sea second see seem sentence
set she should show side sister small some something sometimes soon sound spell start state still stop story street
study such summer take talk tell than that the their them then there these they thing think this those thought three
through time today together too took tree try turn two under until up us use very voice walk want was watch water way
we week well went were what when where which while white who why will window winter with without wonder word work world
would write year you young your zero seven eleven monday sunday music weather timer coffee bottle garden bathroom
"""


class Speech(NamedTuple):
    """What is said, and how."""

    text: str
    voice: str
    speed: int  # words per minute
    pitch: int  # 0 to 99

    def samples(self) -> Any:
        """(N,) from -1 to 1, at RATE."""
        how = ["-v", self.voice, "-s", str(self.speed), "-p", str(self.pitch), "--stdout", self.text]
        content = subprocess.run(["espeak-ng", *how], check=True, capture_output=True).stdout
        heard, rate = sound.read(self.text, content)
        heard = sound.resample(heard, rate, RATE)
        loud = np.flatnonzero(np.abs(heard) > 0.01)  # without the silence that espeak-ng puts at both ends
        return heard[loud[0] : loud[-1] + 1] if len(loud) else heard


def other(rng: np.random.Generator, phrase: str, halves: float) -> str:
    """A few other words; a share of them begin or, three times as often, end as the phrase does, which is mistaken for it."""
    words, said = phrase.split(), list(rng.choice(WORDS.split(), rng.integers(1, 7)))
    if len(words) > 1 and rng.random() < halves:
        cut = rng.integers(1, len(words))
        said = [*words[:cut], *said[:3]] if rng.random() < 1 / 4 else [*said[:3], *words[cut:]]
    return " ".join(said)


def sayings(
    rng: np.random.Generator, phrase: str, voices: str, times: int, others: int, halves: float
) -> list[tuple[Any, bool]]:
    """Samples of the phrase so many times and of other speech, and which of them are of the phrase."""
    texts = [phrase] * times + [other(rng, phrase, halves) for _ in range(others)]
    asked = []
    for text in texts:
        voice = f"{rng.choice(ACCENTS.split())}+{rng.choice(voices.split())}"
        asked.append(Speech(text, voice, int(rng.integers(110, 220)), int(rng.integers(10, 90))))
    with ThreadPoolExecutor() as pool:
        return list(zip(pool.map(Speech.samples, asked), [text == phrase for text in texts], strict=True))


def track(
    rng: np.random.Generator, said: list[tuple[Any, bool]], vary: bool = False
) -> tuple[Track, list[int]]:
    """All of this in a random order with pauses between, at a tenth to all of its loudness, in the noise of a room; with `vary`
    up to an eighth slower or faster, and the pitch with it. Also the frames at which sayings begin."""
    parts, begins, ends, length = [], [], [], 0
    for i in rng.permutation(len(said)):
        samples, is_phrase = said[i]
        if vary:
            samples = sound.resample(samples, RATE, round(RATE * rng.uniform(7 / 8, 9 / 8)))
        pause = np.zeros(int(rng.uniform(0.0, 0.8) * RATE), np.float32)
        parts += [np.float32(10 ** rng.uniform(-1, 0)) * samples, pause]
        begins.append(length // audio.HOP)
        if is_phrase:
            ends.append((length + len(samples)) // audio.HOP)
        length += len(samples) + len(pause)
    whole = np.concatenate(parts)
    for start in range(0, length, 20 * RATE):  # the noise changes every 20 seconds
        part = whole[start : start + 20 * RATE]
        part += np.float32(10 ** rng.uniform(-4, -2.5)) * rng.standard_normal(len(part), np.float32)
    return labelled(audio.log_mel(whole, RATE), ends, before=0), begins


def pieces(whole: Track, begins: list[int]) -> tuple[Any, Any]:
    """Pieces (N, PIECE, 32) of a track and their labels (N, PIECE). Each begins with a saying, the last one that is not whole in
    the piece before, so that no phrase is cut."""
    places, end = [], 0
    for begin, after in itertools.pairwise(begins):
        if after > end and begin + PIECE <= len(whole.frames) and whole.labels[begin] == "other":
            places.append(begin)
            end = begin + PIECE
    frames, labels = (
        np.stack([part[at : at + PIECE] for at in places]) for part in (whole.frames, whole.labels)
    )
    return frames, labels


def trained(rng: np.random.Generator, said: list[tuple[Any, bool]], epochs: int, seed: int) -> hr.Model:
    """A network that says at every frame whether the phrase has just been said."""
    from hadamrnn_ext import train  # imports torch

    parts = [pieces(*track(rng, said, vary=True)) for _ in range(VARIANTS)]
    X, y = (np.concatenate(part) for part in zip(*parts, strict=True))
    how: dict[str, Any] = {"every_step": True, "sound_rate": RATE, "seed": seed, "progress": True}
    return train.fit(X, y, epochs=epochs, **how, **RECIPE).model


def armed(model: hr.Model, phrase: str, threshold: float) -> hr.Model:
    """The same model, whose class is the phrase where its log-odds exceed the threshold: in C and on the page, too."""
    card = replace(model.card, labels=("other", phrase))
    return hr.Model(
        card, {**model.tensors, "output.bias": model.tensors["output.bias"] - np.float32(threshold)}
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("phrase", help="what to listen for, as it is spoken: two or three words are heard best")
    add("--out", type=Path, default=Path("wake_word"), metavar="FOLDER")
    add("--times", type=int, default=1200, help="how often the phrase is said for the training")
    add("--others", type=int, default=4000, help="how often something else is said for the training")
    add("--count", type=int, default=3000, help="other sayings that false alarms are counted on")
    add("--alarms", type=float, default=1.0, help="false alarms per hour that the threshold may cost")
    add("--epochs", type=int, default=10, help="of the training")
    add("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if shutil.which("espeak-ng") is None:
        sys.exit(
            "there is no espeak-ng, which says the phrase; Debian: apt install espeak-ng, macOS: brew install espeak-ng"
        )
    phrase, begin = " ".join(arguments.phrase.lower().split()), time.perf_counter()
    rng, fewer = np.random.default_rng(arguments.seed), arguments.times // 4

    def tell(what: str) -> None:
        print(f"{time.perf_counter() - begin:4.0f} s: {what}", flush=True)

    tell(f"saying {phrase!r} ...")
    said = sayings(rng, phrase, HEARD, arguments.times, arguments.others, HALVES)
    held = sayings(rng, phrase, HELD, fewer, arguments.count // 2, HALVES_COUNTED)
    fresh = sayings(rng, phrase, UNHEARD, fewer, arguments.count, HALVES_COUNTED)
    tell("training ...")
    model = trained(rng, said, arguments.epochs, arguments.seed)
    chooses, _ = track(rng, held)
    threshold = chosen(odds_of(model.infer(chooses.frames)), chooses, RATE, arguments.alarms)
    model = armed(model, phrase, threshold)
    test, _ = track(rng, fresh)
    odds, hours = odds_of(model.infer(test.frames)), test.seconds(RATE) / 3600
    hits, false = counted(alarms(odds, 0.0), test.ends, hours)
    tell(
        f"{1 - hits:.1%} of {len(test.ends)} missed and {false:.1f} false alarms per hour, in {60 * hours:.0f} minutes of voices "
        "that neither the training nor the threshold has heard"
    )
    within = [hits for hits, false, _ in scores(odds, test, RATE) if false <= 1]
    tell(f"at one false alarm per hour there: {1 - max(within):.1%} missed")
    arguments.out.mkdir(parents=True, exist_ok=True)
    model.save(arguments.out / "model.safetensors")
    hr.export.c(model, arguments.out / "c", "wake_word")
    try:
        hr.export.web(model, arguments.out / "web", "wake-word")
    except ImportError as error:  # there is no compiler for it
        tell(f"no web page: {error}")
    tell(f"{arguments.out}: {len(model.to_bytes()):,} bytes")


if __name__ == "__main__":
    main()

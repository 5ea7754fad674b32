"""From a phrase to a model of a few kilobytes that listens for it, in minutes and without a recording.

    python examples/wake_word.py "hey kitchen" --out kitchen

The synthetic voices of `espeak-ng` say the phrase at many speeds and pitches, and other words besides; loudness and noise
vary. `hadamrnn_ext.fit` makes a model that tells the 1.3 seconds in which the phrase has just been said from all others,
and `Model.windows` asks it eight times per second without an end. A threshold is chosen on renditions that the fit has not
heard, and misses and false alarms per hour are counted with voices that neither has heard. The folder gets the model,
its C library, which takes samples of a microphone, and a web page that listens.

The voices are synthetic, and so is the room. A real kitchen has other noise and real people, so expect more misses there,
and record some of them before you rely on it.

Needs `espeak-ng`, a program of the system (Debian: apt install espeak-ng).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import hadamrnn_ext as hr
from hadamrnn_ext import audio
from hadamrnn_ext.data import sound
from listening import Track, alarms, chosen, counted, labelled, scores, share_of_word

RATE = 8000
#: Frames that the model hears before it answers, 1.3 seconds, and frames from one answer to the next.
LENGTH, HOP = 80, 8
#: Where windows with the phrase end: frames after its end.
AFTER_END = (0, 2, 4, 6, 8, 10)
ACCENTS = ("en-us", "en-gb", "en-029", "en-gb-x-rp")
#: Voices of espeak-ng: those that the fit and the threshold hear, and those that only the count hears.
HEARD = """
Alex Alicia Andrea Andy Denis Diogo Gene Henrique Hugo Jacky Lee Marco Mario Michael Mike adam anika antonio aunty belinda
benjamin boris caleb david ed edward f1 f2 f4 grandma grandpa iven iven2 john klatt klatt3 linda m1 m2 m3 m5 m7 marcelo max
"""
UNHEARD = """
f3 f5 m4 m6 m8 klatt2 klatt4 michel miguel norbert pablo paul pedro quincy rob robert sandro shelby steph travis victor zac
"""
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
        command = [
            "espeak-ng",
            "-v",
            self.voice,
            "-s",
            str(self.speed),
            "-p",
            str(self.pitch),
            "--stdout",
            self.text,
        ]
        content = subprocess.run(command, check=True, capture_output=True).stdout
        heard, rate = sound.read(" ".join(command), content)
        heard = sound.resample(heard, rate, RATE)
        loud = np.flatnonzero(np.abs(heard) > 0.01)  # without the silence that espeak-ng puts at both ends
        return heard[loud[0] : loud[-1] + 1] if len(loud) else heard


def speech(rng: np.random.Generator, text: str, voices: str) -> Speech:
    voice = f"{rng.choice(ACCENTS)}+{rng.choice(voices.split())}"
    return Speech(text, voice, int(rng.integers(120, 210)), int(rng.integers(20, 80)))


def other(rng: np.random.Generator, phrase: str) -> str:
    """A few other words. One in three times, they begin or end as the phrase does."""
    words, said = phrase.split(), list(rng.choice(WORDS.split(), rng.integers(1, 7)))
    if len(words) > 1 and rng.random() < 1 / 3:
        cut = rng.integers(1, len(words))
        said = [*words[:cut], *said] if rng.random() < 0.5 else [*said, *words[cut:]]
    return " ".join(said)


def track(rng: np.random.Generator, phrase: str, voices: str, times: int, others: int) -> Track:
    """The phrase so many times among other speech, in any order, with pauses, at any loudness, in noise."""
    texts = [phrase] * times + [other(rng, phrase) for _ in range(others)]
    asked = [speech(rng, texts[i], voices) for i in rng.permutation(len(texts))]
    parts, ends, length = [], [], 0
    with ThreadPoolExecutor(2) as pool:
        for said, samples in zip(asked, pool.map(Speech.samples, asked), strict=True):
            loudness = 10 ** rng.uniform(-1.3, 0)
            pause = np.zeros(int(rng.uniform(0.1, 0.9) * RATE), np.float32)
            parts += [loudness * samples, pause]
            if said.text == phrase:
                ends.append((length + len(samples)) // audio.HOP)
            length += len(samples) + len(pause)
    whole = np.concatenate(parts)
    for start in range(0, length, 20 * RATE):  # the noise of the room changes every 20 seconds
        part = whole[start : start + 20 * RATE]
        part += 10 ** rng.uniform(-4, -2) * rng.normal(size=len(part))
    return labelled(audio.log_mel(whole.astype(np.float32), RATE), ends)


def windows(rng: np.random.Generator, track: Track, others: int) -> tuple[Any, Any, Any]:
    """Windows (N, LENGTH, 32), those in which the phrase has just been said and so many others; their labels (N,); and the
    stretch of the track (N,) that each is of, since windows that overlap are no strangers to each other."""
    ends = np.array([end for end in track.ends if end > LENGTH])
    word = (ends[:, None] + AFTER_END).reshape(-1)
    other = np.ones(len(track.frames) + 1, bool)
    other[:LENGTH] = False
    for end in track.ends:
        other[max(0, end - HOP) : end + 3 * HOP] = False  # neither
    places = np.flatnonzero(other)
    drawn = rng.choice(places, min(others, len(places)), replace=False)
    labels = np.repeat(["word", "other"], [len(word), len(drawn)])
    places = np.concatenate([word, drawn])
    return np.stack([track.frames[end - LENGTH : end] for end in places]), labels, places // (8 * LENGTH)


def shares_of(model: hr.Model, frames: Any) -> Any:
    """The probability of the phrase at every frame, as `Model.windows` says it; 0 where it does not answer."""
    shares = np.zeros(len(frames))
    shares[LENGTH - 1 :: HOP] = share_of_word(*model.windows(LENGTH, HOP).classify(frames, top=2))
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("phrase", help="what to listen for, as it is spoken: two or three words are heard best")
    add("--out", type=Path, default=Path("wake_word"), metavar="FOLDER")
    add("--times", type=int, default=500, help="how often the phrase is said for the fit")
    add("--others", type=int, default=1500, help="how often something else is said for the fit")
    add("--count", type=int, default=2000, help="other sayings that false alarms are counted on")
    add("--alarms", type=float, default=1.0, help="false alarms per hour that the threshold may cost")
    add("--hidden-size", type=int, default=1024, metavar="N", help="units of the model")
    add("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if shutil.which("espeak-ng") is None:
        sys.exit(
            "there is no espeak-ng, which says the phrase; Debian: apt install espeak-ng, macOS: brew install espeak-ng"
        )
    phrase, begin = " ".join(arguments.phrase.lower().split()), time.perf_counter()
    rng = np.random.default_rng(arguments.seed)

    print(f"saying {phrase!r} ...", flush=True)
    train = track(rng, phrase, HEARD, arguments.times, arguments.others)
    held = track(rng, phrase, HEARD, arguments.times // 4, arguments.count // 2)
    test = track(rng, phrase, UNHEARD, arguments.times // 4, arguments.count)
    print(
        f"{train.seconds(RATE) / 60:.0f} minutes to fit, after {time.perf_counter() - begin:.0f} s",
        flush=True,
    )
    X, y, groups = windows(rng, train, 10 * arguments.others)
    model, report = hr.fit(
        X, y, groups=groups, hidden_size=arguments.hidden_size, seed=arguments.seed, sound_rate=RATE
    )
    print(report)
    threshold = chosen(shares_of(model, held.frames), held, RATE, arguments.alarms)
    heard, hours = shares_of(model, test.frames), test.seconds(RATE) / 3600
    hits, false = counted(alarms(heard, threshold), test.ends, hours)
    print(
        f"threshold {threshold:.5f}: {1 - hits:.1%} of {len(test.ends)} missed and {false:.1f} false alarms per hour, "
        f"in {60 * hours:.0f} minutes of voices that nobody had heard"
    )
    within = [hits for hits, false, _ in scores(heard, test, RATE) if false <= 1]
    if within:
        print(f"at one false alarm per hour there: {1 - max(within):.1%} missed")
    arguments.out.mkdir(parents=True, exist_ok=True)
    model.save(arguments.out / "model.safetensors")
    hr.export.c(model, arguments.out / "c", "wake_word")
    try:
        hr.export.web(model, arguments.out / "web", "wake-word")
    except ImportError as error:  # there is no compiler for it
        print(f"no web page: {error}")
    print(f"{arguments.out}: {len(model.to_bytes()):,} bytes, after {time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    main()

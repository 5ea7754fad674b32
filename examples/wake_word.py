"""From a phrase to a model of a few kilobytes that listens for it, in minutes and without a recording.

    python examples/wake_word.py "hey kitchen" --out kitchen

The synthetic voices of `espeak-ng` say the phrase at many speeds and pitches, and other words besides; loudness and noise
vary. `hadamrnn_ext.fit` makes a model with a target for every frame of 16 ms. A threshold is chosen on renditions that
the fit has not heard, and misses and false alarms per hour are counted with voices that neither has heard. The folder
gets the model and its C library, which takes samples of a microphone.

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
from listening import Track, alarms, chosen, counted, labelled, scores, shares_of

RATE = 8000
#: Accents and voices of espeak-ng: those that the fit and the threshold hear, and those that only the count hears.
HEARD = (
    ("en-us", "en-gb", "en-029", "en-gb-x-rp"),
    ("m1", "m2", "m3", "m5", "m7", "f1", "f2", "f4", "klatt", "Alex", "linda", "steph"),
)
UNHEARD = (
    ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-gbclan"),
    ("m4", "m6", "m8", "f3", "f5", "klatt4", "Andrea", "edward"),
)
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


def speech(rng: np.random.Generator, text: str, voices: tuple[tuple[str, ...], tuple[str, ...]]) -> Speech:
    accents, variants = voices
    voice = f"{rng.choice(accents)}+{rng.choice(variants)}"
    return Speech(text, voice, int(rng.integers(120, 210)), int(rng.integers(20, 80)))


def other(rng: np.random.Generator, phrase: str) -> str:
    """A few other words. One in three times, they begin or end as the phrase does."""
    words, said = phrase.split(), list(rng.choice(WORDS.split(), rng.integers(1, 7)))
    if len(words) > 1 and rng.random() < 1 / 3:
        cut = rng.integers(1, len(words))
        said = [*words[:cut], *said] if rng.random() < 0.5 else [*said, *words[cut:]]
    return " ".join(said)


def track(rng: np.random.Generator, phrase: str, voices: Any, times: int, others: int) -> Track:
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "phrase", help="what to listen for, as it is spoken: two or three words are heard best"
    )
    parser.add_argument("--out", type=Path, default=Path("wake_word"), metavar="FOLDER")
    parser.add_argument("--times", type=int, default=500, help="how often the phrase is said for the fit")
    parser.add_argument(
        "--others", type=int, default=1500, help="how often something else is said for the fit"
    )
    parser.add_argument(
        "--count", type=int, default=2000, help="other sayings that false alarms are counted on"
    )
    parser.add_argument(
        "--alarms", type=float, default=1.0, help="false alarms per hour that the threshold may cost"
    )
    parser.add_argument("--max-bytes", type=int, default=16_384)
    parser.add_argument("--seed", type=int, default=0)
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
    model, report = hr.fit(
        [train.frames], [train.labels], every_step=True, max_bytes=arguments.max_bytes, sound_rate=RATE
    )
    print(report)
    threshold = chosen(model, held, RATE, arguments.alarms)
    hits, false = counted(
        alarms(shares_of(model, test.frames), threshold), test.ends, test.seconds(RATE) / 3600
    )
    print(
        f"threshold {threshold:.2f}: {1 - hits:.1%} of {len(test.ends)} missed and {false:.1f} false alarms per hour, "
        f"in {test.seconds(RATE) / 60:.0f} minutes of voices that nobody had heard"
    )
    best = [(hits, at) for hits, false, at in scores(model, test, RATE) if false <= 1]
    if best:
        print(f"at one false alarm per hour there: {1 - max(best)[0]:.1%} missed")
    arguments.out.mkdir(parents=True, exist_ok=True)
    model.save(arguments.out / "model.safetensors")
    hr.export.c(model, arguments.out / "c", "wake_word")
    print(f"{arguments.out}: {len(model.to_bytes()):,} bytes, after {time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    main()

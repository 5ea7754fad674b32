"""What is added to own sounds before a model is trained on them: noise, silence, and sounds that are of no class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, InputError
from . import sound, source

__all__ = ["SILENCE", "UNKNOWN", "Heard", "Variety"]

SILENCE, UNKNOWN = "silence", "unknown"
#: Root mean squares of noise, and loudness, between which they are drawn, as powers of ten.
NOISES, LOUDNESS = (-4.0, -2.0), (-1.0, 0.0)
MAX_COPIES = 100


class Heard(NamedTuple):
    """A sound: samples (N,) from -1 to 1, its class, the file it is from, and what it is called."""

    samples: NDArray[np.float32]
    label: str
    file: str
    name: str


class Variety(NamedTuple):
    """What is added to the sounds of a folder, so that a model copes with other rooms and knows what is nothing of its own.

    noise: number of copies of each sound, each at another loudness and in white noise of another strength.
    silence: whether there is a class "silence" of faint noise alone, as many as a class of the folder has on average.
    unknown: a folder of other sounds, which are the class "unknown"; those longer than the longest sound of the classes are cut
        into pieces as long as that.
    seed: of what is drawn.
    """

    noise: int = 0
    silence: bool = False
    unknown: str | Path | None = None
    seed: int = 0

    def added(self, sounds: list[Heard], read: Callable[[Path], NDArray[np.float32]]) -> list[Heard]:
        """These sounds and what is added to them; `read` gives the samples of a file.

        Raises InputError if a class has a name that is needed, or for a number of copies that makes no sense, and DataError if
        there are no unknown sounds or one cannot be read.
        """
        if not 0 <= self.noise <= MAX_COPIES:
            raise InputError(f"noise is {self.noise}; expected 0 to {MAX_COPIES} copies of each sound")
        taken = {one.label for one in sounds}
        for name, wanted in ((SILENCE, self.silence), (UNKNOWN, self.unknown is not None)):
            if wanted and name in taken:
                raise InputError(
                    f"there is a class {name!r} already; expected it in the folder or as an option, not both"
                )
        rng = np.random.default_rng(self.seed)
        lengths = [len(one.samples) for one in sounds]
        found = list(sounds)
        if self.unknown is not None:
            found += _pieces(Path(self.unknown), max(lengths), read)
        copies = [_noisy(rng, one, number) for number in range(1, self.noise + 1) for one in found]
        silent = round(len(sounds) / len(taken)) * (1 + self.noise) if self.silence else 0
        quiet = (_silent(rng, int(rng.choice(lengths)), number) for number in range(1, silent + 1))
        return [*found, *copies, *quiet]


def _pieces(folder: Path, longest: int, read: Callable[[Path], NDArray[np.float32]]) -> Iterator[Heard]:
    """The sounds of a folder, of which all are of the class of what is unknown, in pieces of at most so many samples."""
    files, _ = source.files(folder, sound.SUFFIXES) if folder.is_dir() else ([], None)
    if not files:
        raise DataError(
            f"{folder}: holds no sound ({', '.join(sound.SUFFIXES)}); expected a folder of other sounds"
        )
    for path in files:
        samples = read(path)
        last = max(0, len(samples) - longest // 2)  # no piece of less than a half
        for start in range(0, last + 1, longest):
            yield Heard(samples[start : start + longest], UNKNOWN, str(path), f"{path}, from sample {start}")


def _noisy(rng: np.random.Generator, one: Heard, number: int) -> Heard:
    noise = _noise(rng, len(one.samples))
    samples = np.float32(10 ** rng.uniform(*LOUDNESS)) * one.samples + noise
    return one._replace(samples=samples, name=f"{one.name}, in noise ({number})")


def _silent(rng: np.random.Generator, length: int, number: int) -> Heard:
    name = f"silence ({number})"
    return Heard(_noise(rng, length), SILENCE, name, name)


def _noise(rng: np.random.Generator, length: int) -> NDArray[np.float32]:
    return np.float32(10 ** rng.uniform(*NOISES)) * rng.standard_normal(length, np.float32)

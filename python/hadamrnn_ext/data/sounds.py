"""Sound files as log-mel frames for a model, and folders of them as own data, with a sub-folder for each class."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import audio
from ..errors import DataError, InputError
from ..file.card import Card
from . import fsdd, sound, source
from .examples import Examples
from .places import FilePlaces
from .variety import Heard, Variety

__all__ = ["SETTINGS", "Hearing", "Variety", "checked", "hearing", "one", "read", "remembered"]

#: The entries of `Training.settings` of a model that was trained on own sounds: the features, and the samples per second.
SETTINGS: dict[str, bool | int | float | str] = {"sound": "log-mel", "rate": fsdd.RATE}


class Hearing(NamedTuple):
    """Sound of `rate` samples per second as log-mel frames (see `audio.log_mel`), all of them or the last `steps`."""

    rate: int = fsdd.RATE
    steps: int | None = None

    def frames(self, name: str, content: bytes) -> NDArray[np.float32]:
        """The frames (T, 32) of a sound file of any rate. Raises DataError naming `name`."""
        return audio.log_mel(self.samples(name, content), self.rate, self.steps)

    def samples(self, name: str, content: bytes) -> NDArray[np.float32]:
        """The samples (N,) of a sound file of any rate, at this one. Raises DataError naming `name`."""
        samples, rate = sound.read(name, content)
        return sound.resample(samples, rate, self.rate)

    def of_file(self, path: Path) -> NDArray[np.float32]:
        """The samples of a file. Raises DataError."""
        return self.samples(str(path), bytes(source.content(path)))


def hearing(card: Card) -> Hearing | None:
    """How a model hears, according to its card; None if the card does not say."""
    training = card.training
    if training is None or card.input != "features" or card.input_size != audio.BANDS:
        return None
    if training.task == "digits":
        return Hearing(fsdd.RATE, fsdd.STEPS)
    if training.settings.get("sound") == SETTINGS["sound"]:
        return Hearing(int(training.settings["rate"]))
    return None


def checked(input: str, input_size: int, rate: int) -> dict[str, bool | int | float | str]:
    """The settings of a model that reads log-mel frames of this rate. Raises InputError if its input is not of such."""
    if input != "features" or input_size != audio.BANDS:
        raise InputError(
            f"sound_rate is {rate}, and the sequences have {input_size} {input}; expected the {audio.BANDS} features of "
            "audio.log_mel"
        )
    audio.mel_edges(rate)  # refuses what is no rate
    return {**SETTINGS, "rate": rate}


def remembered(card: Card, rate: int) -> Card:
    """The card of a model that was fitted to log-mel frames of this rate. Raises InputError if it cannot be."""
    settings = checked(card.input, card.input_size, rate)
    assert card.training is not None  # a fit says how it was trained
    return replace(card, training=replace(card.training, settings={**card.training.settings, **settings}))


def one(name: str, content: bytes, how: Hearing | None, card: Card | None) -> Examples:
    """The frames of one sound, or its samples if the model reads one feature. Raises DataError."""
    understood = ""
    if how is None and (card is None or (card.input == "features" and card.input_size == audio.BANDS)):
        how = Hearing()
        understood = f"{name}: heard at {how.rate} Hz; the model does not say how it hears"
    if how is not None:
        return Examples(how.frames(name, content), understood=understood)
    assert card is not None
    if card.input == "features" and card.input_size == 1:
        return Examples(sound.read(name, content)[0][:, None])
    raise DataError(
        f"{name}: the model reads {card.input_size} {card.input}; a WAV file is for models of {audio.BANDS} mel bands "
        "or of samples"
    )


def read(folder: str | Path, how: Hearing | None = None, variety: Variety = Variety()) -> Examples:  # noqa: B008
    """The sounds in the sub-folders of a folder, as frames. The class of a sound is its sub-folder, and its id is its file.

    Sub-folders may be nested. Hidden files, and those without the suffix of a sound, are ignored. `variety` says what is added
    to the sounds; then all that comes of a file is a group, so that it is in one split.

    Raises DataError if a sub-folder has no sound, if a sound is in no sub-folder, or if one cannot be read, and InputError for a
    variety that the folder cannot have.

    Examples:
        >>> import os, wave
        >>> for place, pitch in (("words/yes", 0.1), ("words/no", 0.3), ("talk", 0.2)):
        ...     os.makedirs(place)
        ...     for i in range(4):
        ...         with wave.open(f"{place}/{i}.wav", "wb") as file:
        ...             file.setparams((1, 2, 8000, 0, "NONE", ""))
        ...             file.writeframes(np.int16(8000 * np.sin(pitch * np.arange(4000))).tobytes())
        >>> found = read("words", variety=Variety(noise=2, silence=True, unknown="talk"))
        >>> model, report = hr.fit(found.x, found.y, groups=found.groups, sound_rate=8000, hidden_size=16)
        >>> model.card.labels
        ('no', 'silence', 'unknown', 'yes')
    """
    load = (how := how or Hearing()).of_file
    heard = []
    places = sorted(place for place in Path(folder).iterdir() if not place.name.startswith("."))
    for place in places:
        if place.is_dir():
            found, _ = source.files(place, sound.SUFFIXES)
            if not found:
                raise DataError(
                    f"{place}: holds no sound, and each sub-folder is a class; move it elsewhere, or let its name begin with a dot"
                )
            heard += [Heard(load(path), place.name, str(path), str(path)) for path in found]
        elif source.suffix(place) in sound.SUFFIXES:
            raise DataError(
                f"{place}: lies beside the classes; expected a sub-folder for each class, with its name"
            )
    if not heard:
        raise DataError(
            f"{folder}: has no sub-folders of sounds ({', '.join(sound.SUFFIXES)}), one for each class"
        )
    varied = variety.added(heard, load)
    more = f", {len(varied) - len(heard)} added" if len(varied) > len(heard) else ""
    names = tuple(one.name for one in varied)
    return Examples(
        [audio.log_mel(one.samples, how.rate, how.steps) for one in varied],
        np.array([one.label for one in varied]),
        ids=names,
        groups=np.array([one.file for one in varied]) if more else None,
        understood=f"{folder}: {len(heard)} sounds in sub-folders{more}, heard at {how.rate} Hz",
        places=FilePlaces(str(folder), files=names),
    )

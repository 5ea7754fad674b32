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

__all__ = ["SETTINGS", "Hearing", "hearing", "one", "read", "remembered"]

#: The entries of `Training.settings` of a model that was trained on own sounds: the features, and the samples per second.
SETTINGS: dict[str, bool | int | float | str] = {"sound": "log-mel", "rate": fsdd.RATE}


class Hearing(NamedTuple):
    """Sound of `rate` samples per second as log-mel frames (see `audio.log_mel`), all of them or the last `steps`."""

    rate: int = fsdd.RATE
    steps: int | None = None

    def frames(self, name: str, content: bytes) -> NDArray[np.float32]:
        """The frames (T, 32) of a sound file of any rate. Raises DataError naming `name`."""
        samples, rate = sound.read(name, content)
        return audio.log_mel(sound.resample(samples, rate, self.rate), self.rate, self.steps)


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


def remembered(card: Card, rate: int) -> Card:
    """The card of a model that was fitted to log-mel frames of this rate. Raises InputError if it cannot be."""
    if card.training is None or card.input != "features" or card.input_size != audio.BANDS:
        raise InputError(
            f"sound_rate is {rate}, and the sequences have {card.input_size} {card.input}; expected the {audio.BANDS} features of "
            "audio.log_mel"
        )
    audio.mel_edges(rate)  # refuses what is no rate
    training = replace(card.training, settings={**card.training.settings, **SETTINGS, "rate": rate})
    return replace(card, training=training)


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


def read(folder: str | Path, how: Hearing | None = None) -> Examples:
    """The sounds in the sub-folders of a folder, as frames. The class of a sound is its sub-folder, and its id is its file.

    Sub-folders may be nested. Hidden files, and those without the suffix of a sound, are ignored.

    Raises DataError if a sub-folder has no sound, if a sound is in no sub-folder, or if one cannot be read.
    """
    how = how or Hearing()
    frames, classes, files = [], [], []
    places = sorted(place for place in Path(folder).iterdir() if not place.name.startswith("."))
    for place in places:
        if place.is_dir():
            found, _ = source.files(place, sound.SUFFIXES)
            if not found:
                raise DataError(
                    f"{place}: holds no sound, and each sub-folder is a class; move it elsewhere, or let its name begin with a dot"
                )
            for path in found:
                frames.append(how.frames(str(path), bytes(source.content(path))))
                classes.append(place.name)
                files.append(str(path))
        elif source.suffix(place) in sound.SUFFIXES:
            raise DataError(
                f"{place}: lies beside the classes; expected a sub-folder for each class, with its name"
            )
    if not frames:
        raise DataError(
            f"{folder}: has no sub-folders of sounds ({', '.join(sound.SUFFIXES)}), one for each class"
        )
    return Examples(
        frames,
        np.array(classes),
        ids=tuple(files),
        understood=f"{folder}: {len(frames)} sounds in sub-folders, heard at {how.rate} Hz",
        places=FilePlaces(str(folder), files=files),
    )

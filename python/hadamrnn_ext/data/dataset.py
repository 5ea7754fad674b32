"""A data set on disk: its files, the folders that are searched for them, and advice if they are missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from . import folders

__all__ = ["Dataset"]


@dataclass(frozen=True)
class Dataset:
    """`name` is the name for `hadamrnn data`, `folder` the folder below the data folder.

    `files` are the names of the files, each of which may have one of the `suffixes`. `advice` says where they come from, and
    `places` are further folders in which a system may keep them.
    """

    name: str
    title: str
    folder: str
    files: tuple[str, ...]
    advice: str
    suffixes: tuple[str, ...] = ("",)
    places: tuple[Path, ...] = ()

    def locate(self, directory: str | Path | None = None) -> Path:
        """The first folder that holds all files: `directory`, or $HADAMRNN_DATA, the cache and `places`.

        Raises a `DataError` that says what is missing, which folders were searched, and where to get the files.
        """
        looked = []
        places = folders.candidates(self.folder, directory)
        for place in [*places, *(self.places if directory is None else ())]:
            missing = [name for name in self.files if self.find(place, name) is None]
            if not missing:
                return place
            partly = f" (without {', '.join(missing)})" if len(missing) < len(self.files) else ""
            looked.append(f"{place}{partly}")
        endings = " or ".join(suffix for suffix in self.suffixes if suffix)
        raise DataError(
            f"{self.title} is not in {', '.join(looked) or 'any folder that is known'}. Put {', '.join(self.files)}"
            f"{f' ({endings} or not)' if endings else ''} into one of these folders, or name theirs with "
            f"${folders.ENVIRONMENT}, {self.advice}"
        )

    def find(self, folder: Path, name: str) -> Path | None:
        """The file `name` in `folder`, with any of the suffixes."""
        paths = (folder / f"{name}{suffix}" for suffix in self.suffixes)
        return next((path for path in paths if path.is_file()), None)

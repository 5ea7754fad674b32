"""Which column of a table is which: by the names that the user gives, those that a model knows, and the usual names.

Nothing is guessed. If there are two candidates, or none, the error names the option that settles it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable

from ..errors import DataError
from ..file.data_card import DataCard
from .columns import Form, Layout, Request
from .csv_evidence import counts, is_like_id, rises, target_by_place, target_of_words
from .csv_table import Table

__all__ = ["USUAL", "layout"]

#: The usual names of columns, in any case.
ID = ("id", "series", "series_id", "sequence", "sequence_id")
TIME = ("time", "timestamp", "datetime", "date")
LABEL = ("label", "class", "target")
TEXT = ("text",)
USUAL = (*ID, *TIME, *LABEL, *TEXT)
#: Names that count only if nothing contradicts them: y beside x and z is a coordinate, and t may be a temperature.
PERHAPS_LABEL, PERHAPS_TIME = ("y",), ("step", "t")
#: Columns that a file can be split by. They are features only if the user says so.
GROUP = tuple(
    name + end
    for name in ("group", "subject", "person", "participant", "patient", "user", "device")
    for end in ("", "_id")
)


def layout(table: Table, request: Request) -> Layout:
    """The role of each column. Raises DataError, also if targets are requested and there are none."""
    return _Finder(table, request).layout()


class _Finder:
    """The search through one table. Each method settles one role and removes its column from those that are free."""

    def __init__(self, table: Table, request: Request) -> None:
        self.table, self.asked, self.labelled, self.known = (
            table,
            request.columns,
            request.labelled,
            request.known,
        )
        self.header = table.header or ()
        self.data = DataCard() if self.known is None else self.known.data
        self.notes: list[str] = []
        self.ignored: list[int] = []
        self.free = list(range(table.width))
        self.named = self._named_features()

    def layout(self) -> Layout:
        identity = self._role("id", self.asked.id, self.data.id, ID)
        time = self._role("time", self.asked.time, self.data.time, TIME)
        group = self._role("group", self.asked.group, self.data.group, ())
        label = self._role("label", self.asked.label, self.data.label, LABEL)
        self._drop_row_numbers()
        self._drop_groups(group)
        text = self._text()
        if time is None and text is None:
            time = self._perhaps_time(identity)
        form = "texts" if text is not None else self._form(identity, time)
        if label is None:
            label = self._perhaps_label(form, identity)
        if self.labelled and label is None:
            raise self._error(
                f"no column of targets; name it with --label, of {self.table.titles(self.free)}"
            )
        features = [text] if text is not None else self._features(form, label)
        if form == "series" and self.known is None and self.named is None:
            self._check_no_id(features, label)
        ignored = {*self.ignored, *(place for place in self.free if place not in features)}
        if time is not None and form != "steps":
            ignored.add(time)
            time = None
        return Layout(
            form,
            features,
            label,
            identity,
            time,
            group,
            tuple(sorted(ignored)),
            not self.header and (label == 0 or self.data.label == "0"),
            tuple(self.notes),
        )

    def _error(self, problem: str) -> DataError:
        return DataError(f"{self.table.name}: {problem}")

    def _named_features(self) -> list[int] | None:
        """The features that the user or the model names, which have no other role. Raises DataError if one is missing."""
        if self.asked.features is not None:
            return [self.table.place(name) for name in self.asked.features]
        if self.data.features is None or self.data.form == "texts" or not self.header:
            return None
        if missing := [name for name in self.data.features if name not in self.header]:
            raise self._error(
                f"no column {', '.join(map(repr, missing))} of the features that the model reads "
                f"({', '.join(self.data.features)}); the header has {self.table.titles(range(self.table.width))}"
            )
        return [self.table.place(name) for name in self.data.features]

    def _take(self, place: int | None) -> int | None:
        if place in self.free:
            self.free.remove(place)
        return place

    def _ignore(self, place: int) -> None:
        self.ignored.append(place)
        self.free.remove(place)

    def _unnamed(self) -> list[int]:
        """The free columns that nobody names as a feature."""
        return [place for place in self.free if place not in (self.named or ())]

    def _called(self, names: Container[str]) -> list[int]:
        """The free columns that have one of these names, in any case, and that nobody names as a feature."""
        return [place for place in self._unnamed() if self.header and self.header[place].lower() in names]

    def _role(
        self, option: str, given: str | None, remembered: str | None, usual: Iterable[str]
    ) -> int | None:
        """The column of a role. Raises DataError if two have usual names, or if the given one has another role."""
        if given is not None:
            place = self.table.place(given)
            if place not in self._unnamed():
                raise self._error(f"--{option} {given} is a column that is something else already")
            return self._take(place)
        if not self.header:
            return None if remembered is None else self._numbered(option, remembered)
        if remembered in self.header and self.header.index(remembered) in self._unnamed():
            return self._take(self.header.index(remembered))
        found = self._called({*usual})
        if len(found) > 1:
            names = " and ".join(repr(self.header[place]) for place in found)
            raise self._error(f"has the columns {names}; say with --{option} which one it is")
        return self._take(found[0]) if found else None

    def _numbered(self, option: str, remembered: str) -> int | None:
        """The column that the model knows by its number, in a file without header.

        A target that is not requested may be missing from the file: it is there if all its cells are labels of the model.
        """
        if not re.fullmatch(r"-?\d+", remembered):
            return None
        place = int(remembered) % self.table.width
        if option == "label" and not self.labelled:
            labels = () if self.known is None or self.known.labels is None else self.known.labels
            whole = self.table.whole(place)
            cells = self.table.cells(place) if whole is None else list(map(str, whole))
            if not {*cells} <= {*labels}:
                return None
        return self._take(place)

    def _drop_row_numbers(self) -> None:
        """Ignore columns without a name that number the rows, as pandas writes them. Any other is an error."""
        for place in self._unnamed():
            if not self.header or (
                self.header[place] and not self.header[place].lower().startswith("unnamed:")
            ):
                continue
            if not counts(self.table.whole(place), restarts=True):
                raise self._error(
                    f"column {place} has no name; expected one, or --features with the columns to read"
                )
            self._ignore(place)

    def _drop_groups(self, group: int | None) -> None:
        for place in self._called(GROUP):
            self._ignore(place)
            if self.labelled and group is None and self.known is None:
                self.notes.append(f"--group {self.header[place]} would split by {self.header[place]}")

    def _text(self) -> int | None:
        """The column of texts: the only requested feature, if it is of words; else the model's, or the one of that name."""
        if self.known is not None and not self.known.texts:
            return None
        if self.asked.features is not None:
            asked = self.named or []
            return self._take(asked[0]) if len(asked) == 1 and not self.table.is_numeric(asked[0]) else None
        if self.data.form == "texts" and not self.header:
            return self._take(self.free[0]) if len(self.free) == 1 else None
        found = self._called({*TEXT, *((self.data.features or ()) if self.data.form == "texts" else ())})
        if self.data.form == "texts" and len(found) != 1:
            raise self._error(f"no column of texts; name it with --features, of {', '.join(self.header)}")
        return self._take(found[0]) if len(found) == 1 else None

    def _perhaps_time(self, identity: int | None) -> int | None:
        """A column step or t that counts up within each sequence, so that using it keeps the order of the rows."""
        if identity is None:
            return None
        keys = self.table.cells(identity)
        found = (place for place in self._called(PERHAPS_TIME) if rises(keys, self.table.whole(place)))
        return self._take(next(found, None))

    def _form(self, identity: int | None, time: int | None) -> Form:
        """Whether a row is a time step or a series."""
        known = self.data.form
        if identity is not None:
            return self._form_by_ids(identity, time)
        if time is not None and self.asked.features is None:
            if self.known is None:
                raise self._error(
                    f"has a column {self.table.title(time)!r} of times but none that names the sequence of each row; say which "
                    "with --id"
                )
            return "series" if known == "series" else "steps"
        if known == "steps" or (self.data.features is not None and known is None):
            return "steps"
        return "steps" if known != "series" and self._is_of_steps() else "series"

    def _form_by_ids(self, identity: int, time: int | None) -> Form:
        """Rows that share an id are steps. Rows that all have different ids are series, unless something contradicts that."""
        if len({*self.table.cells(identity)}) < len(self.table.rows):
            return "steps"
        if self.known is not None:
            return "steps" if self.data.form == "steps" or self._is_of_steps() else "series"
        if time is not None and self.named is None:
            raise self._error(
                f"every row has an id of its own in column {self.table.title(identity)!r}, and a time; name with --id the "
                "column of the sequences whose steps they are, or with --features the steps of a series per row"
            )
        return "series"

    def _is_of_steps(self) -> bool:
        """Whether a row is a step for a model that knows no form: it reads several features, or one from a single column."""
        return self.known is not None and (self.known.width > 1 or len(self.named or self.free) == 1)

    def _perhaps_targets(self) -> list[int]:
        """A free column y that may be the target, since it is not a coordinate beside x and z."""
        coordinates = {"x", "z"} <= {title.lower() for title in self.header}
        return [] if coordinates else self._called(PERHAPS_LABEL)

    def _perhaps_label(self, form: Form, identity: int | None) -> int | None:
        """The target if it has no usual name: the only column of words, or y. Without a header, the first or last column."""
        if self.known is not None and not self.labelled:
            return None
        if not self.header:
            if form != "series":
                return None
            place, why = target_by_place(self.table, self.free)
            self.notes.append(why)
            return self._take(place)
        if self.data.label is not None:
            return None  # the target has this name, and the file lacks it
        keys = self.table.cells(identity) if identity is not None and form == "steps" else None
        words = target_of_words(self.table, self._unnamed(), keys)
        if words is not None:
            return self._take(words)
        found = self._perhaps_targets()
        one_each = len(found) == 1 and (
            keys is None or len({*zip(keys, self.table.cells(found[0]), strict=True)}) == len({*keys})
        )
        return self._take(found[0]) if one_each else None

    def _features(self, form: Form, label: int | None) -> list[int]:
        if self.named is not None:
            return self.named
        places = [place for place in self.free if place != label]
        if form == "steps" and self.known is not None and len(places) != self.known.width:
            without = [place for place in places if place not in self._perhaps_targets()]
            if len(without) != self.known.width:
                raise self._error(
                    f"{len(places)} columns of features ({self.table.titles(places)}); the model reads {self.known.width} per "
                    "step; --features names them, and --id and --time name columns that are no features"
                )
            places = without
        titles = Counter(self.table.title(place) for place in places)
        if form == "steps" and (twice := [title for title, count in titles.items() if count > 1]):
            raise self._error(f"the header has {twice[0]!r} twice; expected names that differ")
        if not places:
            raise self._error("no columns of features; expected some beside the target")
        return places

    def _check_no_id(self, features: list[int], label: int | None) -> None:
        """Raises DataError if a column of a table of series repeats its values like an id of sequences.

        Columns of a numbered family, such as 0, 1, 2 or t0, t1, t2, are steps.
        """
        targets = self.table.cells(label) if label is not None else None
        stems = {place: re.sub(r"\d+$", "#", self.table.title(place)) for place in features}
        family = Counter(stem for stem in stems.values() if stem.endswith("#") and self.header)
        for place in features:
            if family[stems[place]] < 2 and is_like_id(self.table.whole(place), targets):
                title = self.table.title(place)
                raise self._error(
                    f"column {title!r} repeats its values as an id does, {len({*self.table.cells(place)})} in "
                    f"{len(self.table.rows)} rows: --id {title} makes a row a time step, --features names the steps of a series"
                )

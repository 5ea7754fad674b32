"""What the columns of a table are: by the names that somebody gives, by those that a model knows, by usual names.

Nothing is guessed: where two columns may be meant, or none, the error names the option that says which it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from ..data_card import DataCard
from ..errors import DataError
from .csv_table import Table

__all__ = ["BY_NAME", "USUAL", "Columns", "Known", "Layout", "layout"]

Form = Literal["steps", "series", "texts"]

#: Names of columns that are found by themselves, in any case.
ID = ("id", "series", "series_id", "sequence", "sequence_id")
TIME = ("time", "timestamp", "datetime", "date")
LABEL = ("label", "class", "target")
TEXT = ("text",)
USUAL = (*ID, *TIME, *LABEL, *TEXT)
#: Names that mean it where nothing speaks against it: y beside x and z is a coordinate, t may be a temperature.
PERHAPS_LABEL, PERHAPS_TIME = "y", ("step", "t")
#: What a file can be split by; never a feature unless somebody says so.
GROUP = tuple(
    name + end
    for name in ("group", "subject", "person", "participant", "patient", "user", "device")
    for end in ("", "_id")
)


class Columns(NamedTuple):
    """Names of columns, or their numbers from 0; None finds them by their usual names. And the marks between cells and
    before decimals, None: as the file has them."""

    label: str | None = None
    id: str | None = None
    time: str | None = None
    group: str | None = None
    features: tuple[str, ...] | None = None
    delimiter: str | None = None
    decimal: str | None = None


BY_NAME = Columns()


class Known(NamedTuple):
    """Who reads the file, where that is known: a model, or the training data beside which it is test data.

    width: features per step, 1 for tokens. texts: whether it reads texts.
    """

    data: DataCard
    width: int
    texts: bool = False
    labels: tuple[str, ...] | None = None


class Layout(NamedTuple):
    """Numbers of columns; `features` are the channels of steps, the steps of series, or the column of texts.

    notes: what somebody should know who did not say it.
    """

    form: Form
    features: list[int]
    label: int | None = None
    id: int | None = None
    time: int | None = None
    group: int | None = None
    ignored: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def layout(
    table: Table, asked: Columns = BY_NAME, known: Known | None = None, labelled: bool = True
) -> Layout:
    """What each column is. `labelled` asks for targets, without which DataError is raised too."""
    return _Finder(table, asked, known, labelled).layout()


class _Finder:
    """The search for one table; each method settles one role and takes its columns away from the others."""

    def __init__(self, table: Table, asked: Columns, known: Known | None, labelled: bool) -> None:
        self.table, self.asked, self.labelled = table, asked, labelled
        self.known = known
        self.data = DataCard() if known is None else known.data
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
            label = self._perhaps_label(form, identity, time)
        if self.labelled and label is None:
            raise DataError(f"{self.table.name}: no column of targets; name it with --label")
        features = [text] if text is not None else self._features(form, label)
        if form == "series" and self.known is None and self.named is None:
            self._check_no_id(features, label)
        rest = [place for place in self.free if place not in features]
        if time is not None and form != "steps":
            rest, time = [*rest, time], None
        return Layout(
            form,
            features,
            label,
            identity,
            time,
            group,
            tuple(sorted({*self.ignored, *rest})),
            tuple(self.notes),
        )

    def _named_features(self) -> list[int] | None:
        """Those that the user or the model names, which are nothing else. Raises DataError where one is missing."""
        if self.asked.features is not None:
            return [self.table.place(name) for name in self.asked.features]
        header = self.table.header
        if self.data.features is None or self.data.form == "texts" or header is None:
            return None
        if missing := [name for name in self.data.features if name not in header]:
            raise DataError(
                f"{self.table.name}: no column {', '.join(map(repr, missing))} of the features that the model reads "
                f"({', '.join(self.data.features)}); the header has {self.table.titles(range(self.table.width))}"
            )
        return [self.table.place(name) for name in self.data.features]

    def _take(self, place: int | None) -> int | None:
        if place in self.free:
            self.free.remove(place)
        return place

    def _role(
        self, option: str, given: str | None, remembered: str | None, usual: Sequence[str]
    ) -> int | None:
        """The column of a role. Raises DataError where two have usual names, or the given one is taken."""
        if given is not None:
            place = self.table.place(given)
            if place not in self.free or place in (self.named or ()):
                raise DataError(
                    f"{self.table.name}: --{option} {given} is a column that is something else already"
                )
            return self._take(place)
        header = self.table.header
        if header is None:
            return None if remembered is None else self._numbered(option, remembered)
        if remembered in header and header.index(remembered) in self._nameless():
            return self._take(header.index(remembered))
        found = [place for place in self._nameless() if header[place].lower() in usual]
        if len(found) > 1:
            names = " and ".join(repr(header[place]) for place in found)
            raise DataError(
                f"{self.table.name}: has the columns {names}; say with --{option} which one it is"
            )
        return self._take(found[0]) if found else None

    def _numbered(self, option: str, remembered: str) -> int | None:
        """A column that the model knows by its number, of a file without header. A target that nobody asks for may be
        missing: it is there where all its cells are labels of the model."""
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

    def _nameless(self) -> list[int]:
        """The columns that are free and that nobody calls a feature."""
        return [place for place in self.free if place not in (self.named or ())]

    def _drop_row_numbers(self) -> None:
        """A column without a name that counts rows, as pandas writes one, is not read; any other is an error."""
        header = self.table.header
        for place in [
            place for place in self._nameless() if header is not None and not _has_name(header[place])
        ]:
            if not _counts(self.table.whole(place)):
                raise DataError(
                    f"{self.table.name}: column {place} has no name; expected one, or what is read by --features"
                )
            self.ignored.append(place)
            self.free.remove(place)

    def _drop_groups(self, group: int | None) -> None:
        header = self.table.header or ()
        for place in [place for place in self._nameless() if header and header[place].lower() in GROUP]:
            self.ignored.append(place)
            self.free.remove(place)
            if self.labelled and group is None and self.known is None:
                self.notes.append(f"--group {header[place]} would split by {header[place]}")

    def _text(self) -> int | None:
        if self.known is not None and not self.known.texts:
            return None
        if self.data.form == "texts" and self.table.header is None:
            return self.free[0] if len(self.free) == 1 else None
        names = {*TEXT, *(self.data.features or ())} if self.data.form == "texts" else {*TEXT}
        header = self.table.header or ()
        found = [place for place in self._nameless() if header and header[place].lower() in names]
        return self._take(found[0]) if len(found) == 1 else None

    def _perhaps_time(self, identity: int | None) -> int | None:
        """A column step or t where it counts up within each sequence: it is then in order whatever it is called."""
        header = self.table.header
        if header is None or identity is None:
            return None
        keys = self.table.cells(identity)
        for place in [place for place in self._nameless() if header[place].lower() in PERHAPS_TIME]:
            whole = self.table.whole(place)
            if whole is None:
                continue
            last: dict[str, int] = {}
            rises = True
            for key, value in zip(keys, whole, strict=True):
                rises = rises and value > last.get(key, value - 1)
                last[key] = value
            if rises and len(last) < len(keys):
                return self._take(place)
        return None

    def _form(self, identity: int | None, time: int | None) -> Form:
        """Whether a row is a time step or a series."""
        known = self.data.form
        if identity is not None:
            if time is not None or len({*self.table.cells(identity)}) < len(self.table.rows):
                return "steps"
            if known is not None:
                return "steps" if known == "steps" else "series"
            return "steps" if self._is_as_wide() else "series"
        if time is not None and self.asked.features is None:
            if self.known is None:
                raise DataError(
                    f"{self.table.name}: has a column {self.table.title(time)!r} of times and none that says of which sequence "
                    "a row is a step; name it with --id"
                )
            return "series" if known == "series" else "steps"
        if known == "steps" or (self.data.features is not None and known is None):
            return "steps"
        if known == "series" or self.known is None:
            return "series"
        return "steps" if self._is_as_wide() else "series"

    def _is_as_wide(self) -> bool:
        """Whether a row has as many cells as a step of the model has features, maybe beside a y."""
        if self.known is None:
            return False
        return self.known.width in (len(self.free), len(self.free) - len(self._y())) and (
            self.known.width > 1 or len(self.free) == 1
        )

    def _y(self) -> list[int]:
        header = self.table.header or ()
        return [place for place in self._nameless() if header and header[place].lower() == PERHAPS_LABEL]

    def _perhaps_label(self, form: Form, identity: int | None, time: int | None) -> int | None:
        """A target without a usual name: the only column of words, or y unless it is a coordinate; of a table without
        header the first or the last column."""
        if self.known is not None and not self.labelled:
            return None
        if self.table.header is None:
            return self._unnamed_label() if form == "series" and self.labelled else None
        keys = self.table.cells(identity) if identity is not None and form == "steps" else None
        words = [place for place in self._nameless() if not self.table.is_numeric(place)]
        if len(words) == 1 and self._is_target(words[0], keys):
            return self._take(words[0])
        names = {title.lower() for title in self.table.header}
        if words or {"x", "z"} <= names:
            return None
        found = self._y()
        return self._take(found[0]) if len(found) == 1 and self._is_target(found[0], keys) else None

    def _is_target(self, place: int, keys: list[str] | None) -> bool:
        """Whether each sequence has one value of it."""
        return keys is None or len({*zip(keys, self.table.cells(place), strict=True)}) == len({*keys})

    def _unnamed_label(self) -> int:
        """Of a table without header. As in the UCR archive whole numbers come first; the last column elsewhere."""
        table, last = self.table, self.table.width - 1
        words = [place for place in self.free if not table.is_numeric(place)]
        if len(words) == 1 and words[0] in (0, last):
            self.notes.append(f"column {words[0]}, of words, is the target")
            return self._taken(words[0])
        candidates = {
            place: whole
            for place in {0, last} & {*self.free}
            if (whole := table.whole(place)) is not None and not _counts(whole) and len({*whole}) > 1
        }
        if len(candidates) == 2:  # whichever has few values, each of them often
            repeated = [place for place, whole in candidates.items() if 2 * len({*whole}) <= len(whole)]
            if len(repeated) != 1 or not last:
                raise DataError(
                    f"{table.name}: column 0 and column {last} may both be the target; say which with --label 0 or --label -1 "
                    "(and --id, if a row is a time step)"
                )
            candidates = {repeated[0]: candidates[repeated[0]]}
        place = next(iter(candidates), last)
        what = (
            "the first column, as in the UCR archive" if not place and last else f"the last column, {place}"
        )
        self.notes.append(f"{what}, is the target")
        return self._taken(place)

    def _taken(self, place: int) -> int:
        self._take(place)
        return place

    def _features(self, form: Form, label: int | None) -> list[int]:
        if self.named is not None:
            return self.named
        places = [place for place in self.free if place != label]
        if form == "steps" and self.known is not None and len(places) != self.known.width:
            without = [place for place in places if place not in self._y()]
            if len(without) != self.known.width:
                raise DataError(
                    f"{self.table.name}: {len(places)} columns of features ({self.table.titles(places)}); the model reads "
                    f"{self.known.width} per step; --features names them"
                )
            places = without
        titles = [self.table.title(place) for place in places]
        if form == "steps" and len({*titles}) < len(titles):
            twice = next(title for title in titles if titles.count(title) > 1)
            raise DataError(f"{self.table.name}: the header has {twice!r} twice; expected names that differ")
        if not places:
            raise DataError(f"{self.table.name}: no columns of features; expected some beside the target")
        return places

    def _check_no_id(self, features: list[int], label: int | None) -> None:
        """A row is to be a series, and a column repeats its values as the id of a sequence does: somebody has to say so."""
        targets = self.table.cells(label) if label is not None else None
        for place in features:
            if self._is_step_name(place, features):
                continue
            if _is_like_id(self.table.whole(place), targets):
                title = self.table.title(place)
                raise DataError(
                    f"{self.table.name}: column {title!r} repeats its values as an id does, {len({*self.table.cells(place)})} in "
                    f"{len(self.table.rows)} rows: --id {title} makes a row a time step, --features names the steps of a series"
                )

    def _is_step_name(self, place: int, features: list[int]) -> bool:
        """Whether a column is one of a numbered family: 0, 1, 2, or t0, t1, t2."""
        stems = Counter(re.sub(r"\d+$", "#", self.table.title(one)) for one in features)
        stem = re.sub(r"\d+$", "#", self.table.title(place))
        return self.table.header is not None and stem.endswith("#") and stems[stem] > 1


def _has_name(title: str) -> bool:
    return bool(title) and not title.lower().startswith("unnamed:")


def _counts(whole: Sequence[int] | None) -> bool:
    """Whether these number rows from 0 or 1, maybe of one sequence after another."""
    if whole is None or len(whole) < 3 or whole[0] not in (0, 1):
        return False
    return all(b in (a + 1, whole[0]) for a, b in pairwise(whole)) and whole[1] != whole[0]


def _is_like_id(whole: Sequence[int] | None, targets: Sequence[str] | None) -> bool:
    """Whether whole numbers come in blocks, as those of one sequence do: several of each, each in one block, with one target.

    Classes that are sorted come in blocks too; a column with as many values as classes is none.
    """
    if whole is None or len(whole) < 6:
        return False
    values, blocks = len({*whole}), 1 + sum(a != b for a, b in pairwise(whole))
    if values < 2 or 3 * values > len(whole):
        return False
    if targets is None:
        return blocks == values
    classes = len({*targets})
    one_target = len({*zip(whole, targets, strict=True)}) == values
    several = values > classes or values == classes > 10
    return one_target and several and (blocks == values or values > 2 * classes)

"""The times by which steps are sorted: numbers, or dates and times of day in ISO 8601.

Common variants are read as well: a space instead of the T, slashes between year, month and day, single digits, a comma
before the fraction of a second, and a time of day without a date. Ambiguous dates such as 9/1/2024 are not read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date

__all__ = ["in_order", "read"]

DAY = 86_400 * 10**9  # nanoseconds
ISO = re.compile(
    r"(?:(?P<year>\d{4})(?:(?P<dash>[-/.])(?P<month>\d\d?)(?P=dash)(?P<day>\d\d?)|(?P<MM>\d\d)(?P<DD>\d\d)))?"
    r"(?:(?:^|[Tt _]\s*)(?P<hour>\d{1,2})(?::?(?P<minute>\d\d))(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    r"\s*(?P<zone>[Zz]|UTC|[+-]\d\d(?::?\d\d)?)?)?"
)

Time = int | float


def read(cells: Sequence[str], decimal: str = ".") -> tuple[list[Time], bool] | None:
    """A number for each cell, by which the cells can be sorted, and whether they are times of day without a date.

    Returns None if a cell is neither a number nor a time, or if only some cells have a date or a zone.
    """
    numbers = [_number(cell, decimal) for cell in cells]
    if None not in numbers:
        return [number for number in numbers if number is not None], False
    times, forms = [], set[tuple[bool, bool]]()
    for cell in cells:
        found = _time(cell)
        if found is None:
            return None
        times.append(found[0])
        forms.add(found[1:])
    if len(forms) > 1:
        return None
    return list[Time](times), not forms.pop()[0]


def in_order(times: Sequence[Time], of_day: bool) -> list[int]:
    """The indices of the steps, sorted by their times. Equal times keep their order.

    Times of day that pass midnight once keep their order as well, if the sequence is shorter that way.
    """
    order = sorted(range(len(times)), key=times.__getitem__)
    falls = [i for i in range(1, len(times)) if times[i] < times[i - 1]]
    if of_day and len(falls) == 1 and times[-1] <= times[0]:
        past_midnight = times[-1] + DAY - times[0]
        if past_midnight < times[order[-1]] - times[order[0]]:
            return list(range(len(times)))
    return order


def _number(cell: str, decimal: str) -> Time | None:
    if "_" in cell:
        return None
    try:
        return int(cell)  # exact: the nanoseconds since 1970 have more digits than a float
    except ValueError:
        pass
    try:
        number = float(cell if decimal == "." else cell.replace(decimal, "."))
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _time(cell: str) -> tuple[int, bool, bool] | None:
    """The nanoseconds since year 1 or since midnight, in UTC if a zone is given; whether there is a date; and a zone."""
    match = ISO.fullmatch(cell)
    if match is None or not cell:
        return None
    part = match.groupdict()
    days = 0
    if part["year"] is not None:
        try:
            month, day = part["month"] or part["MM"], part["day"] or part["DD"]
            days = date(int(part["year"]), int(month), int(day)).toordinal()
        except ValueError:
            return None
    hour, minute, second = (int(part[name] or 0) for name in ("hour", "minute", "second"))
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and minute + second):
        return None
    fraction = int((part["fraction"] or "").ljust(9, "0")[:9])
    clock = (hour * 3600 + minute * 60 + second) * 10**9 + fraction
    zone = part["zone"]
    if zone is not None and zone[0] in "+-":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        offset = (int(digits[:2]) * 60 + int(digits[2:])) * 60 * 10**9
        clock += offset if zone[0] == "-" else -offset
    return days * DAY + clock, part["year"] is not None, zone is not None

"""Makes the section "Your own data" of docs/results.md, and its picture, from records of the suite fit.

    python bench/run.py fit --what accuracy --json accuracy.json
    python bench/run.py fit --what times --json times.json       # on a machine with nothing else to do
    python bench/fit_page.py accuracy.json times.json

What is measured is kept in docs/fit.json: numbers in the files replace those for the same data set and way there.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fit_data import LOADERS
from fit_picture import WAYS, Known, draw
from hadamrnn_ext import disk
from tables import END, begin, replaced, row, rule

__all__ = ["KEPT", "PAGE", "page"]

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, KEPT, PICTURE = DOCS / "results.md", DOCS / "fit.json", DOCS / "results-own-data.png"
TOLD = {"FSDD": "FSDD, spoken digits", "HAR-6": "UCI HAR, six activities"}  # names that say little
NEXT = "## The tasks of the paper"  # the section that comes after it
MAKER = "bench/fit_page.py"


def main(files: Sequence[str]) -> None:
    known: Known = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for file in files:
        for record in json.loads(Path(file).read_text())["records"]:
            add(known, record)
    disk.write(KEPT, (json.dumps(known, indent=1) + "\n").encode())
    disk.write(PAGE, page(PAGE.read_text(encoding="utf-8"), known).encode())
    draw(PICTURE, known)


def add(known: Known, record: dict[str, Any]) -> None:
    ways = known.setdefault(record["id"], {})
    times = record["classify_s"] or (None, None)
    fit_s = record["ours_s"], record["peer_s"]
    for place, way in enumerate(("ours", record["peer"])):
        found = {"accuracy": record["accuracy"][place], "bytes": record["bytes"][place]}
        found |= {"fit_s": fit_s[place], "classify_s": times[place]}
        ways.setdefault(way, {}).update({name: value for name, value in found.items() if value})


def page(text: str, known: Known) -> str:
    """The page with this section: where it is, or before the next one."""
    if begin(MAKER) not in text:
        text = text.replace(NEXT, f"{begin(MAKER)}\n{END}\n\n{NEXT}", 1)
    return replaced(text, MAKER, section(known))


def section(known: Known) -> str:
    sets = [name for name in (*LOADERS, "FSDD", "HAR-6") if name in known]
    lines = [
        "## Your own data",
        "",
        "`hadamrnn_ext.fit`, everything by default (a file of at most 16 kB), and with `max_bytes=4096`, against MiniRocket of aeon,",
        "an echo state network of reservoirpy (500 units, ridge regression of its mean and last state) and a GRU of torch (64 units,",
        "which reads its mean output). Test accuracy in per cent; after ± the standard deviation of the seeds, of which there are five,",
        "two of the GRU and two to five where a fit takes long. What is to be chosen of a peer is chosen on training data: penalties by",
        "leave-one-out errors, leak and scale of the echo state network by those of up to 300 series, the learning rate of the GRU by a",
        "fifth held out (people where they are known). The GRU has a minute of one processor in all, and at most 200 passes over the data.",
        "MiniRocket and the GRU get shorter series filled up with their last value.",
        "",
        row(["data set", *(WAYS[way][0] for way in WAYS)]),
        rule(["<", *">" * len(WAYS)]),
        *(
            row([TOLD.get(name, name), *(accuracy(known[name].get(way, {})) for way in WAYS)])
            for name in sets
        ),
    ]
    for what, names in (("mean of the UCR and UEA sets", [*LOADERS]), ("mean of all", sets)):
        if all(name in known for name in names):
            lines.append(row([what, *(mean(known, names, way) for way in WAYS)]))
    lines += [
        "",
        f"![Test accuracy against the bytes of a model, the seconds to fit it and the time to classify one series]({PICTURE.name})",
        "",
    ]
    lines += [
        "The picture's large marks are means over the data sets that all ways have, small ones are single data sets, of which one of",
        "the GRU (30 %) lies below the picture; sizes and times are geometric means. The table below has medians over the data sets. All ways are fitted in turns, and classify the same single",
        "series in turns. The machine: two virtual CPUs of an Intel Xeon with AVX-512, with nothing else to do; ratios say more.",
        "",
        row(
            [
                "",
                "bytes of a model",
                "seconds to fit",
                "times ours",
                "microseconds for one series",
                "times ours",
            ]
        ),
        rule(["<", *">" * 5]),
    ]
    return "\n".join([*lines, *(row([WAYS[way][0], *costs(known, way)]) for way in WAYS)])


def accuracy(found: dict[str, Any]) -> str:
    if "accuracy" not in found:
        return "-"
    shares = [100 * share for share in found["accuracy"]]
    spread = f" ± {statistics.stdev(shares):.1f}" if len(shares) > 1 else ""
    return f"{statistics.fmean(shares):.1f}{spread}"


def mean(known: Known, names: Sequence[str], way: str) -> str:
    if not all("accuracy" in known[name].get(way, {}) for name in names):
        return "-"
    return f"{statistics.fmean(100 * statistics.fmean(known[name][way]['accuracy']) for name in names):.1f}"


def costs(known: Known, way: str) -> list[str]:
    """Bytes, and times with their ratios to ours: medians over the data sets."""
    sizes = [ways[way]["bytes"] for ways in known.values() if way in ways]
    cells = [f"{statistics.median(sizes):,.0f}" if sizes else "-"]
    for name, scale in (("fit_s", 1.0), ("classify_s", 1e6)):
        both = [ways for ways in known.values() if name in ways.get("ours", {}) and name in ways.get(way, {})]
        if not both:
            return [*cells, "-", "-"] if name == "classify_s" else [*cells, "-", "-", "-", "-"]
        cells.append(f"{scale * statistics.median(ways[way][name] for ways in both):,.3g}")
        cells.append(f"{statistics.median(ways[way][name] / ways['ours'][name] for ways in both):.2g}")
    return cells


if __name__ == "__main__":
    main(sys.argv[1:])

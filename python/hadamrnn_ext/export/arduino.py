"""What Arduino and PlatformIO read of a library, beside its sources."""

from __future__ import annotations

import json

from .text import NEAR_FLASH

__all__ = ["ARCHITECTURES", "library_json", "library_properties"]

#: Arduino's names of the architectures whose processors the tests compile for, and PlatformIO's of their platforms.
ARCHITECTURES = {
    "avr": "atmelavr",
    "mbed_nano": "nordicnrf52",
    "mbed_rp2040": "raspberrypi",
    "nrf52": "nordicnrf52",
    "renesas_uno": "renesas-ra",
    "rp2040": "raspberrypi",
    "sam": "atmelsam",
    "samd": "atmelsam",
}


def library_properties(name: str, table_bytes: int) -> str:
    """The file of this name: on other architectures than those named Arduino warns of the library."""
    return f"""name={name}
version=1.0.0
author=hadamrnn_ext
maintainer=hadamrnn_ext
sentence=A recurrent network with binary orthogonal weights.
paragraph=Written by hadamrnn_ext from a trained model.
category=Data Processing
url=https://arxiv.org/abs/2502.00047
architectures={",".join(_architectures(table_bytes))}
includes={name}.h
"""


def library_json(name: str, table_bytes: int) -> str:
    """The file of this name."""
    facts = {
        "name": name,
        "version": "1.0.0",
        "description": "A recurrent network with binary orthogonal weights, written by hadamrnn_ext",
        "keywords": "machine learning, recurrent neural network",
        "frameworks": "*",
        "platforms": sorted({ARCHITECTURES[each] for each in _architectures(table_bytes)}),
        "headers": f"{name}.h",
        "build": {"srcDir": ".", "includeDir": ".", "srcFilter": [f"+<{name}.c>"]},
    }
    return json.dumps(facts, indent=2) + "\n"


def _architectures(table_bytes: int) -> list[str]:
    return [name for name in ARCHITECTURES if name != "avr" or table_bytes <= NEAR_FLASH]

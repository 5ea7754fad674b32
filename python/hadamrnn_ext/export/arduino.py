"""What ``library.properties`` and ``library.json`` say to Arduino and PlatformIO: on other architectures Arduino warns."""

from __future__ import annotations

from .tables import NEAR_FLASH

__all__ = ["ARCHITECTURES", "architectures", "platforms"]

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


def architectures(table_bytes: int) -> list[str]:
    """Arduino's, for a library with so many bytes of tables."""
    return [name for name in ARCHITECTURES if name != "avr" or table_bytes <= NEAR_FLASH]


def platforms(table_bytes: int) -> list[str]:
    """PlatformIO's."""
    return sorted({ARCHITECTURES[name] for name in architectures(table_bytes)})

"""The architectures that ``library.properties`` and ``library.json`` name; on any other architecture Arduino warns."""

from __future__ import annotations

from .tables import NEAR_FLASH

__all__ = ["ARCHITECTURES", "architectures", "platforms"]

#: The architectures for whose processors the tests compile: Arduino's name, then PlatformIO's name of the platform.
ARCHITECTURES = {
    "avr": "atmelavr",
    "esp32": "espressif32",
    "esp8266": "espressif8266",
    "mbed_nano": "nordicnrf52",
    "mbed_rp2040": "raspberrypi",
    "nrf52": "nordicnrf52",
    "renesas_uno": "renesas-ra",
    "rp2040": "raspberrypi",
    "sam": "atmelsam",
    "samd": "atmelsam",
}


def architectures(table_bytes: int) -> list[str]:
    """Arduino's names of the architectures that fit a library with this many bytes of tables."""
    return [name for name in ARCHITECTURES if name != "avr" or table_bytes <= NEAR_FLASH]


def platforms(table_bytes: int) -> list[str]:
    """PlatformIO's names of the same architectures."""
    return sorted({ARCHITECTURES[name] for name in architectures(table_bytes)})

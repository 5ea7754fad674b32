"""Sound files of every usual form, and with every usual quirk of their headers, give the same sound."""

from __future__ import annotations

import io
import struct
import sys
import wave

import numpy as np
import pytest
import soundfile

from hadamrnn_ext.data import fsdd, sound, wav
from hadamrnn_ext.errors import DataError

PCM, FLOAT, A_LAW, MU_LAW = 1, 3, 6, 7
SAMPLES = np.array([[-32768], [-5], [0], [7], [300], [32767]], "<i2")
LIST = b"INFOISFT\x05\0\0\0Lavf5"  # of an odd number of bytes


def file(samples: np.ndarray, width: int, rate: int = 8000) -> bytes:
    """The WAV file of (N, channels) integers of 32 bits, of which the top `width` bytes are kept."""
    content = io.BytesIO()
    with wave.open(content, "wb") as out:
        out.setnchannels(samples.shape[1])
        out.setsampwidth(width)
        out.setframerate(rate)
        shifted = (samples.astype(np.int64) >> 8 * (4 - width)) + (128 if width == 1 else 0)
        out.writeframes(b"".join(int(v).to_bytes(width, "little", signed=width > 1) for v in shifted.ravel()))
    return content.getvalue()


def chunk(kind: bytes, content: bytes, size: int | None = None, *, padded: bool = True) -> bytes:
    size = len(content) if size is None else size
    return kind + struct.pack("<I", size) + content + b"\0" * (padded and len(content) % 2)


def header(tag: int = PCM, channels: int = 1, rate: int = 8000, bits: int = 16, block: int = 0) -> bytes:
    block = block or channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits))


def extensible(tag: int, channels: int, bits: int, valid: int) -> bytes:
    block = channels * bits // 8
    plain = struct.pack("<HHIIHH", 0xFFFE, channels, 8000, 8000 * block, block, bits)
    return chunk(b"fmt ", plain + struct.pack("<HHIH", 22, valid, 0, tag) + wav.SUBFORMAT)


def riff(*chunks: bytes, size: int | None = None, kind: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return kind + struct.pack("<I", len(body) if size is None else size) + body


DATA = SAMPLES.tobytes()
PLAIN = header()
ENDLESS = {"zero": 0, "sox": 0x7FFFF000, "arecord": 0x7FFFFFD4, "ffmpeg": 0xFFFFFFFF}


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_every_width_and_number_of_channels(width, rng):
    samples = rng.integers(-(2**31), 2**31, (50, 2))
    heard, rate = sound.read("a.wav", file(samples, width, 44_100))
    assert rate == 44_100
    np.testing.assert_allclose(heard, samples.mean(1) / 2**31, atol=2.0 ** (1 - 8 * width) + 1e-7)


def test_16_bits_are_those_that_the_digits_are_trained_on(rng):
    content = file(rng.integers(-(2**31), 2**31, (300, 1)), 2)
    np.testing.assert_array_equal(sound.read("a.wav", content)[0], fsdd.samples("a.wav", content))


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(
    "subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW"]
)
@pytest.mark.parametrize("kind", [("WAV", "FILE"), ("WAVEX", "FILE"), ("RF64", "FILE"), ("WAV", "BIG")])
def test_what_soundfile_writes_is_read_as_soundfile_reads_it(kind, subtype, channels, rng):
    content = io.BytesIO()
    samples = rng.uniform(-1, 1, (77, channels))
    soundfile.write(content, samples, 11_025, subtype, endian=kind[1], format=kind[0])
    expected, _ = soundfile.read(io.BytesIO(content.getvalue()), always_2d=True)
    met = wav.parse("a.wav", content.getvalue())
    assert met.rate == 11_025
    np.testing.assert_array_equal(met.samples, expected)
    heard, _ = sound.read("a.wav", content.getvalue())
    np.testing.assert_array_equal(heard, expected.mean(1).astype(np.float32))


def test_a_law_and_mu_law_are_those_of_g_711():
    """Ends and middles of the tables of ITU-T G.711, in units of 16 bits; and all 256 as soundfile has them."""
    codes = bytes(range(256))
    known = {A_LAW: {0x00: -5504, 0x55: -8, 0xD5: 8, 0x2A: -32256, 0xAA: 32256}}
    known[MU_LAW] = {0x00: -32124, 0x7F: 0, 0xFF: 0, 0x80: 32124, 0xF0: 120}
    for tag, expected in known.items():
        content = riff(header(tag, bits=8), chunk(b"data", codes))
        met = wav.parse("a.wav", content).samples[:, 0]
        assert {code: met[code] * 2**15 for code in expected} == expected
        np.testing.assert_array_equal(met, soundfile.read(io.BytesIO(content))[0])


@pytest.mark.parametrize(
    "content",
    [
        riff(PLAIN, chunk(b"data", DATA)),
        riff(chunk(b"LIST", LIST), PLAIN, chunk(b"data", DATA)),
        riff(PLAIN, chunk(b"LIST", LIST), chunk(b"fact", b"1234"), chunk(b"data", DATA), chunk(b"LIST", LIST)),
        riff(PLAIN, chunk(b"LIST", LIST, padded=False), chunk(b"data", DATA)),
        riff(chunk(b"data", DATA), PLAIN),
        riff(PLAIN, chunk(b"data", DATA), b"abc"),
        riff(PLAIN, chunk(b"data", DATA + b"x")),
        riff(PLAIN, chunk(b"data", DATA), size=4),
        riff(header(block=1), chunk(b"data", DATA)),
        riff(extensible(PCM, 1, 16, 16), chunk(b"data", DATA)),
        riff(extensible(PCM, 1, 32, 24), chunk(b"data", (SAMPLES.astype("<i4") << 16).tobytes())),
        riff(extensible(FLOAT, 1, 32, 32), chunk(b"data", (SAMPLES / 2**15).astype("<f4").tobytes())),
        *[riff(PLAIN, chunk(b"data", DATA, size), size=size) for size in ENDLESS.values()],
        *[riff(chunk(b"LIST", LIST), PLAIN, chunk(b"data", DATA + b"x", size, padded=False)) for size in ENDLESS.values()],
        *[
            riff(chunk(b"ds64", struct.pack("<QQQI", 0, size, 0, 0)), PLAIN, chunk(b"data", DATA, 0xFFFFFFFF), kind=kind)
            for size in (0, len(DATA))
            for kind in (b"RF64", b"BW64")
        ],
    ],
)  # fmt: skip
def test_quirks_of_headers_change_nothing(content):
    heard, rate = sound.read("a.wav", content)
    assert rate == 8000
    np.testing.assert_array_equal(heard, SAMPLES[:, 0].astype(np.float32) / np.float32(2**15))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no WAV file"),
        (b"RIFF", "no WAV file"),
        (riff(), "no description of its samples"),
        (riff(chunk(b"data", DATA)), "no description of its samples"),
        (riff(PLAIN), "no samples"),
        (riff(PLAIN, chunk(b"data", b"")), "holds no samples"),
        (riff(PLAIN, chunk(b"data", b"", 0), chunk(b"LIST", LIST)), "holds no samples"),
        (riff(PLAIN, chunk(b"data", DATA[:1])), "holds no samples"),
        (riff(PLAIN, chunk(b"data", DATA, 14)), "cut short: 12 bytes of samples, expected 14"),
        (riff(PLAIN, chunk(b"data", DATA), chunk(b"data", DATA)), "two parts of samples"),
        (riff(chunk(b"fmt ", b"\1\0\1\0"), chunk(b"data", DATA)), "its header has 4 bytes"),
        (riff(header(bits=40), chunk(b"data", DATA)), "1 channels of 40 bits"),
        (riff(header(channels=0, block=2), chunk(b"data", DATA)), "0 channels of 16 bits"),
        (riff(header(FLOAT, bits=16), chunk(b"data", DATA)), "1 channels of 16 bits in the form 0x0003"),
        (riff(header(bits=24, block=4), chunk(b"data", DATA)), "24 bits in 4 bytes each"),
        (riff(header(rate=0), chunk(b"data", DATA)), "0 samples per second"),
        (riff(header(rate=2_000_000), chunk(b"data", DATA)), "expected 1000 to 1000000"),
        (
            riff(header(FLOAT, bits=32), chunk(b"data", np.array([0, np.nan], "<f4").tobytes())),
            r"sample 1, at 0.000 s, is \[nan\]",
        ),
        (
            riff(header(FLOAT, 2, bits=64), chunk(b"data", np.array([0, 1, 1, 20_000], "<f8").tobytes())),
            r"is \[1.0, 20000.0\]; expected about -1 to 1",
        ),
    ],
)
def test_what_is_no_sound_is_named(content, message):
    with pytest.raises(DataError, match=rf"a\.wav.*{message}"):
        sound.read("a.wav", content)


def test_every_way_to_cut_a_file_short_is_noticed(rng):
    content = riff(PLAIN, chunk(b"LIST", LIST), chunk(b"data", DATA))
    for end in range(len(content)):
        with pytest.raises(DataError, match=r"a\.wav"):
            sound.read("a.wav", content[:end])


def test_other_forms_are_read_where_soundfile_is_installed(rng, monkeypatch):
    samples = rng.uniform(-0.5, 0.5, (4000, 2))
    forms = {}
    for form, subtype in [("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None)]:
        content = io.BytesIO()
        soundfile.write(content, samples, 16_000, subtype, format=form)
        forms[f"{form} {subtype}"] = content.getvalue()
    for form, subtype in [("AIFF", "PCM_16"), ("AU", "PCM_16"), ("W64", "FLOAT"), ("CAF", "PCM_16"), ("WAV", "MS_ADPCM")]:  # fmt: skip
        content = io.BytesIO()
        soundfile.write(content, samples, 16_000, subtype, format=form)
        forms[f"{form} {subtype}"] = content.getvalue()
    for name, content in forms.items():
        assert sound.is_sound(content), name
        heard, rate = sound.read(name, content)
        expected, _ = soundfile.read(io.BytesIO(content), always_2d=True)
        assert rate == 16_000, name
        np.testing.assert_allclose(
            heard, expected.mean(1), atol=2e-7
        )  # decoders of MP3 round in their own ways
    with pytest.raises(DataError, match=r"FLAC PCM_24.*sound"):
        sound.read("FLAC PCM_24", forms["FLAC PCM_24"][:3000])
    monkeypatch.setitem(sys.modules, "soundfile", None)
    for name, content in forms.items():
        with pytest.raises(DataError, match=f"{name}: .*needs soundfile: pip install soundfile"):
            sound.read(name, content)
    assert len(sound.read("a.wav", riff(PLAIN, chunk(b"data", DATA)))[0]) == len(SAMPLES)


def test_what_is_no_sound_is_not_taken_for_it():
    for content in (
        b"",
        b"\x93NUMPY",
        b"PK\3\4",
        b"\0\0\x08\1",
        b"1 2\n",
        "\ufeffa".encode("utf-16"),
        b"\x1f\x8b",
    ):
        assert not sound.is_sound(content)


def test_a_tone_stays_the_same_tone_at_another_rate():
    def tone(rate: int) -> np.ndarray:
        return np.sin(2 * np.pi * 500 * np.arange(rate) / rate).astype(np.float32)

    np.testing.assert_allclose(sound.resample(tone(44_100), 44_100, 8000), tone(8000), atol=1e-5)
    np.testing.assert_allclose(sound.resample(tone(8000), 8000, 22_050), tone(22_050), atol=1e-5)
    high = np.sin(2 * np.pi * 5000 * np.arange(16_000) / 16_000).astype(np.float32)
    assert (
        abs(sound.resample(high, 16_000, 8000)).max() < 1e-3
    )  # above half the rate: gone, and not folded back


def test_what_is_no_wav_is_named():
    for content in (b"RIFF", b"", file(np.zeros((9, 1)), 2)[:-3], file(np.zeros((0, 1)), 2)):
        with pytest.raises(DataError, match=r"a\.wav"):
            sound.read("a.wav", content)

"""What exported C may be called, and what a file is called in C."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.errors import InputError
from hadamrnn_ext.export.names import derived, identifier
from hadamrnn_ext.file.pool import Pool

NO_IDENTIFIERS = [
    "",
    "1a",
    "a b",
    "a-b",
    "a__b",
    "_a",
    "a_",
    "é",
    "a" * 41,
    'x"',
    "a\n",
    "a.b",
    3,
    None,
    b"a",
]
TAKEN = """int Class Math xor_eq bool typeof static_assert char8_t co_await requires restrict alignas
    stdint Arduino features string strings time Time sched poll semaphore signal regex glob pthread unistd termios
    wchar uchar wctype fcntl dirent stdbit stdckdint threads stdatomic float iso646 complex tgmath endian error err
    errno elf link malloc alloca byteswap getopt argp unwind cpuid immintrin X86GPRIntrin arm_neon varargs reent
    newlib setup loop byte boolean spi Wire EEPROM Stream Print Server
    aio aliases ar argz assert cpio crypt ctype curses dlfcn envz execinfo fenv fmtmsg fnmatch fstab fts ftw gconv grp
    gshadow iconv ifaddrs inttypes langinfo lastlog libgen libintl limits locale mcheck memory mntent monetary mqueue
    netdb nl_types nss obstack paths printf proc_service pty pwd re_comp regexp resolv search setjmp sgtty shadow
    spawn stab stdio stdio_ext stdlib stropts syscall sysexits syslog tar term termio thread_db ttyent ucontext ulimit
    utime utmp utmpx values wait wordexp trace ndbm stdarg stdbool stddef stdalign stdnoreturn"""
FINE = [
    "net",
    "digits",
    "har2_int12",
    "M4",
    "Model",
    "float32",
    "integers",
    "timer",
    "step",
    "linux",
    "input",
    "bias0",
    "pool",
    "UNITS0",
    "BIT",
]


@pytest.mark.parametrize("name", [*NO_IDENTIFIERS, *TAKEN.split()])
def test_names_that_are_refused(rng, make_model, tmp_path, name):
    with pytest.raises(InputError, match="name is "):
        hr.export.c(make_model(rng), tmp_path, name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", FINE)
def test_names_that_compile(rng, make_model, tmp_path, name):
    """Also those that names within the library begin with."""
    if (compiler := shutil.which("cc")) is None:
        pytest.skip("there is no C compiler")
    floats = make_model(rng)
    model = floats.quantize(rng.normal(size=(1, 5, 2)), readout="integer")
    forgets = make_model(rng, decays=True, differences=True, pool=Pool(1))
    for each, what in ((floats, "float"), (model, "integer"), (forgets, "forgets")):
        folder = tmp_path / what
        hr.export.c(each, folder, name)
        command = [compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-c", f"{name}.c"]
        subprocess.run(command, cwd=folder, check=True)


def test_no_header_of_a_c_library_is_hidden():
    """Those of the C library for AVR and of the compilers for microcontrollers, where they are installed."""
    folders = [Path("/usr/lib/avr/include")]
    for compiler in ("avr-gcc", "arm-none-eabi-gcc", "riscv64-unknown-elf-gcc"):
        if shutil.which(compiler) is not None:
            command = [compiler, "-print-file-name=include"]
            found = subprocess.run(command, capture_output=True, text=True, check=True)
            folders.append(Path(found.stdout.strip()))
    for name in sorted({path.stem for folder in folders for path in folder.glob("*.h")}):
        with pytest.raises(InputError, match="name is "):
            identifier(name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("pmnist", "pmnist"),
        ("pmnist-int12", "pmnist_int12"),
        ("my model (final).v2", "my_model_final_v2"),
        ("1a", "model_1a"),
        ("features", "model_features"),
        ("Time", "model_Time"),
        ("müsli", "musli"),
        ("模型", "model"),
        ("", "model"),
        ("--", "model"),
        ("a" * 60, "a" * 40),
        ("x" * 39 + "_y", "x" * 39),
        ("a__b_", "a_b"),
    ],
)
def test_names_of_files(text, name):
    assert derived(text) == name
    assert identifier(name) == name

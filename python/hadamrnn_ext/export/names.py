"""Names that exported C may have: no words of the languages that read it, and no header that others include."""

from __future__ import annotations

import re
import unicodedata

from ..errors import InputError

__all__ = ["derived", "identifier"]

MAX_NAME = 40
_FORM = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*")

# Keywords of C23 and C++20, and what an Arduino sketch defines or takes for a type.
_WORDS = """alignas alignof and and_eq asm auto bitand bitor bool boolean break byte case catch char char16_t char32_t
    char8_t class co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue
    decltype default delete do double dynamic_cast else enum explicit export extern false final float for friend goto
    if import inline int long loop main module mutable namespace new noexcept not not_eq nullptr operator or or_eq
    override private protected public register reinterpret_cast requires restrict return setup short signed sizeof
    static static_assert static_cast struct switch template this thread_local throw true try typedef typeid typename
    typeof typeof_unqual union unsigned using virtual void volatile wchar_t while word xor xor_eq"""

# name.h must not hide a header that others include: a library's folder comes before those of the system. Some file
# systems do not tell upper case from lower.
_HEADERS = {
    "C23 (7.1.2)": """assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign
        stdarg stdatomic stdbit stdbool stdckdint stddef stdint stdio stdlib stdnoreturn string tgmath threads time
        uchar wchar wctype""",
    "POSIX.1-2024 and 2017 (XBD 14), X/Open Curses": """aio cpio curses devctl dirent dlfcn endian fcntl fmtmsg fnmatch ftw glob grp iconv
        langinfo libgen libintl monetary mqueue ndbm netdb nl_types poll pthread pwd regex sched search semaphore
        spawn strings stropts syslog tar term termios trace ulimit unistd utime utmpx wordexp""",
    "glibc, musl, newlib, picolibc and avr-libc": """aliases alloca ansi ar argp argz byteswap crypt elf envlock envz
        err error execinfo fastmath features fpu_control fstab fts getopt gconv gshadow ieeefp ifaddrs lastlog libio link
        machine malloc mcheck memory mntent newlib nss obstack paths picolibc picotls printf proc_service pty
        re_comp reent regdef regexp resolv rpc semihost sgtty shadow stab stdio_ext syscall sysexits syslimits
        termio thread_db ttyent ucontext unctrl utmp values wait""",
    "compilers": """altivec arm_acle arm_bf16 arm_cde arm_cmse arm_fp16 arm_mve arm_mve_types arm_neon arm_sve
        backtrace cet cpuid gcov mm3dnow mm_malloc msa omp openacc quadmath riscv_vector stdfix
        unwind vadefs varargs vecintrin wasm_simd128""",
    "Arduino's cores and their libraries": """arduino arduinoble binary can cdc client common compat deprecated
        dmachannel eeprom ethernet hardwarecan hardwarei2c hardwareserial hardwarespi hid interrupts ipaddress itoa
        keyboard mouse new newcpp pgmspace pins_arduino platform pluggableusb print printable ringbuffer sd serial
        server servo softwareserial spi stdioport stepper stream tone udp usb usbapi usbcore usbdesc variant
        wcharacter wifi wiring wiring_analog wiring_constants wiring_digital wiring_private wire wmath wprogram
        wstring""",
}
_RESERVED = frozenset(_WORDS.split()).union(*(names.split() for names in _HEADERS.values()))


def identifier(name: str) -> str:
    """``name`` if it may begin the identifiers of a C and C++ library, and name its header.

    Raises:
        InputError: it is not a letter followed by letters, digits and single underscores; or it is a keyword or the
            name of a header.
    """
    if not isinstance(name, str) or not _FORM.fullmatch(name) or len(name) > MAX_NAME:
        raise InputError(
            f"name is {ascii(name)[:60]}; expected a letter, then letters, digits and single underscores, "
            f"at most {MAX_NAME} in all"
        )
    if _is_reserved(name):
        raise InputError(
            f"name is {name!r}, which is a word or a header of C, C++, POSIX or Arduino; expected another"
        )
    return name


def derived(text: str) -> str:
    """An identifier for any text, such as the name of a file: the text itself if it is one.

    Accents go, whatever else is no letter or digit becomes an underscore, and ``model_`` comes before a digit or a
    reserved name. Different texts may give the same name.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")
    if not name:
        return "model"
    if name[0].isdigit() or _is_reserved(name):
        name = f"model_{name}"
    return identifier(name[:MAX_NAME].rstrip("_"))


def _is_reserved(name: str) -> bool:
    """The headers of intrinsics end alike: immintrin.h, x86gprintrin.h."""
    return name.lower() in _RESERVED or name.lower().endswith("intrin")

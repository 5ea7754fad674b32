"""The folder of an exported model is a library: of Arduino, PlatformIO, ESP-IDF, Zephyr, and of CMake alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hadamrnn_ext as hr
from arduino_rules import FIELDS
from boards.table import BOARDS, missing_tools

PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
#: Arduino, "Library specification", and what its tools accept as a name.
CATEGORIES = [
    "Display",
    "Communication",
    "Signal Input/Output",
    "Sensors",
    "Device Control",
    "Timing",
    "Data Storage",
    "Data Processing",
    "Other",
]
OPTIONAL = {"includes", "depends", "dot_a_linkage", "precompiled", "ldflags"}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("libraries") / "har2"
    hr.export.c(hr.load("har2-small-int12"), folder, "har2", resolution=1 / 16384)
    return folder


def program(name):
    path = shutil.which(name, path=PATH)
    if path is None and not os.environ.get("HADAMRNN_CI"):
        pytest.skip(f"there is no {name}")
    return path


def windows():
    """What a sensor gives, and the labels that Python finds in it."""
    model = hr.load("har2-small-int12")
    signals, _ = hr.zoo.samples("har2-small")
    raw = hr.export.c_raw(model, signals, 1 / 16384)
    return raw, model.classify((raw / 16384).astype(np.float32)).labels[:, 0]


def test_arduino(library):
    lines = (library / "library.properties").read_text().splitlines()
    fields = dict(line.split("=", 1) for line in lines)
    assert len(fields) == len(lines)
    assert list(fields)[: len(FIELDS)] == FIELDS
    assert set(fields) <= {*FIELDS, *OPTIONAL}
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}", fields["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["version"])
    assert fields["category"] in CATEGORIES
    assert fields["url"].startswith("https://")
    assert re.fullmatch(r"[a-z0-9_]+(,[a-z0-9_]+)*", fields["architectures"])
    assert all(fields.values())
    # Flat: without src/ the sources in the root are compiled, and no others.
    assert not (library / "src").exists()
    assert fields["includes"] == "har2.h"
    assert sorted(path.name for path in library.glob("*.[ch]")) == ["har2.c", "har2.h"]
    # An example is a folder with a sketch of its name, in which all sources would be compiled.
    assert [path.name for path in (library / "examples" / "serial").iterdir()] == ["serial.ino"]
    assert not [path for path in library.rglob("*") if path.is_symlink() or path.suffix in (".exe", ".a")]


def test_platformio(library):
    described = json.loads((library / "library.json").read_text())
    assert re.fullmatch(r"[^/:]{1,100}", described["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", described["version"])
    assert {"espressif32", "espressif8266", "atmelavr"} <= set(described["platforms"])
    assert (library / described["headers"]).is_file()
    assert described["build"]["srcFilter"] == ["+<har2.c>"]
    for example in described["examples"]:
        assert all((library / example["base"] / file).is_file() for file in example["files"])


ARDUINO_H = """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
struct Port {
    void begin(long) {}
    int read() {
        const int c = getchar();
        if (c == EOF) exit(0);
        return c == '_' ? -1 : c;
    }
    void println(const char* text) { puts(text); }
    void println(int number) { printf("%d\\n", number); }
};
static Port Serial;
void setup();
void loop();
"""


@pytest.mark.parametrize("source", ["har2-small-int12", "har2-small", "copy"])
def test_the_sketch_answers_every_step(tmp_path, source):
    """Compiled for this machine, with a serial port that is stdin and has not always something to read."""
    gcc, gxx = program("gcc"), program("g++")
    model = hr.load(source)
    integer = source.endswith("int12")
    hr.export.c(model, tmp_path, "net", resolution=1 / 16384 if integer else None)
    (tmp_path / "Arduino.h").write_text(ARDUINO_H)
    (tmp_path / "main.cpp").write_text(
        '#include "Arduino.h"\n#include "examples/serial/serial.ino"\n'
        "int main() {\n    setup();\n    for (;;) loop();\n}\n"
    )
    warnings = ["-Wall", "-Wextra", "-Werror", "-I."]
    subprocess.run([gcc, "-std=c99", "-c", "net.c"], cwd=tmp_path, check=True)
    subprocess.run(
        [gxx, "-std=c++11", *warnings, "main.cpp", "net.o", "-o", "main"], cwd=tmp_path, check=True
    )
    x = hr.zoo.samples(source)[0][0][:50]
    if integer:
        x = hr.export.c_raw(model, x, 1 / 16384)[0]
    text = "".join(",_".join(map(repr, np.atleast_1d(step).tolist())) + "\r\n" for step in x)
    done = subprocess.run([tmp_path / "main"], input=text.encode(), stdout=subprocess.PIPE, check=True)
    stream = model.stream()
    expected = []
    for step in (x / 16384).astype(np.float32) if integer else x:
        stream.step(step)
        expected.append(str(stream.classify()[0][0]))
    assert done.stdout.decode().splitlines() == expected


def test_the_sketch_compiles_for_an_avr(library, tmp_path):
    compiler = program("avr-g++")
    (tmp_path / "Arduino.h").write_text(
        "#include <stdint.h>\n#include <stdlib.h>\nstruct Port {\n    void begin(long);\n    int read();\n"
        "    void println(const char*);\n};\nextern Port Serial;\n"
    )
    flags = [
        "-x",
        "c++",
        "-std=gnu++11",
        "-mmcu=atmega328p",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-include",
        "Arduino.h",
    ]
    sketch = library / "examples" / "serial" / "serial.ino"
    subprocess.run(
        [compiler, *flags, "-I", library, "-c", sketch, "-o", "sketch.o"], cwd=tmp_path, check=True
    )


#: What ESP-IDF and Zephyr define, as far as a library uses it.
STUBS = {
    "esp-idf": """
set(ESP_PLATFORM 1)
function(idf_component_register)
  cmake_parse_arguments(ARG "" "" "SRCS;INCLUDE_DIRS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "unknown: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  add_library(model STATIC ${ARG_SRCS})
  target_include_directories(model PUBLIC ${ARG_INCLUDE_DIRS})
endfunction()
add_subdirectory(${LIBRARY} model)
""",
    "zephyr": """
function(zephyr_library_named name)
  add_library(${name} STATIC)
  set(ZEPHYR_CURRENT_LIBRARY ${name} PARENT_SCOPE)
endfunction()
macro(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endmacro()
add_library(zephyr_interface INTERFACE)
function(zephyr_include_directories)
  target_include_directories(zephyr_interface INTERFACE ${ARGN})
endfunction()
add_subdirectory(${LIBRARY}/${ZEPHYR_CMAKE} model)
add_library(model INTERFACE)
target_link_libraries(hadamrnn_har2 PRIVATE zephyr_interface)
target_link_libraries(model INTERFACE zephyr_interface hadamrnn_har2)
""",
    "cmake": """
add_subdirectory(${LIBRARY} model)
add_library(model ALIAS hadamrnn_har2)
""",
}
MAIN = """
#include <stdio.h>
#include <har2.h>
int main(void) {
    static har2_raw raw[128 * HAR2_INPUT_SIZE];
    static har2_state state;
    while (fread(raw, sizeof raw, 1, stdin) == 1) puts(har2_label(har2_classify(&state, raw, 128)));
    return 0;
}
"""


@pytest.mark.parametrize("system", STUBS)
def test_build_systems(library, tmp_path, system):
    """By CMake itself, with the functions of each system replaced: its list of sources is what the model needs."""
    cmake = program("cmake")
    module = dict(
        re.findall(r"^(?:  )?(\w+): *(\S+)$", (library / "zephyr" / "module.yml").read_text(), re.MULTILINE)
    )
    assert module == {"name": "har2", "cmake": "zephyr"}
    (tmp_path / "main.c").write_text(MAIN)
    (tmp_path / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.16)\nproject(program C)\nset(LIBRARY {library.as_posix()})\n"
        f"set(ZEPHYR_CMAKE {module['cmake']})\n{STUBS[system]}\n"
        "add_executable(program main.c)\ntarget_link_libraries(program PRIVATE model)\n"
    )
    environment = {**os.environ, "PATH": PATH}
    for command in (["-S", ".", "-B", "build"], ["--build", "build"]):
        done = subprocess.run(
            [cmake, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    raw, labels = windows()
    done = subprocess.run(
        [tmp_path / "build" / "program"], input=raw.tobytes(), stdout=subprocess.PIPE, check=True
    )
    assert done.stdout.decode().splitlines() == list(labels)


def test_every_source_is_in_every_list(tmp_path):
    """A model of sounds has two."""
    hr.export.c(hr.load("digits-int12"), tmp_path, "net")
    expected = sorted(path.name for path in tmp_path.glob("*.c"))
    assert expected == ["net.c", "net_sound.c"]
    for file in ("CMakeLists.txt", "zephyr/CMakeLists.txt"):
        assert sorted(re.findall(r"/(\w+\.c)\b", (tmp_path / file).read_text())) == expected
    described = json.loads((tmp_path / "library.json").read_text())
    assert described["build"]["srcFilter"] == [f"+<{file}>" for file in expected]


def test_esp_idf_manifest(library):
    """Keys at the top, and below `dependencies` the version of ESP-IDF."""
    text = (library / "idf_component.yml").read_text()
    top = dict(re.findall(r'^(\w+):(?: "(.*)")?$', text, re.MULTILINE))
    assert list(top) == ["version", "description", "url", "dependencies"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", top["version"])
    assert text.endswith('dependencies:\n  idf:\n    version: ">=4.1"\n')


@pytest.mark.parametrize("source", ["har2-small-int12", "har2-small", "copy-int12"])
def test_files_of_python_on_a_big_endian_processor(tmp_path, source):
    """What `c_raw` wrote is little-endian, and the example program reads it as such: the same logits as on this machine."""
    board = BOARDS["mips"]
    if (problem := missing_tools([board])) is not None and not os.environ.get("HADAMRNN_CI"):
        pytest.skip(problem)
    model = hr.load(source)
    hr.export.c(model, tmp_path, "net")
    command = ["-std=c99", "-Os", "-I.", "net.c", "examples/net/main.c", "-o"]
    subprocess.run([f"{board.prefix}gcc", *command, "program.elf", *board.link], cwd=tmp_path, check=True)
    subprocess.run([program("gcc"), *command, "host"], cwd=tmp_path, check=True)
    for x in hr.zoo.samples(source)[0][:2]:
        raw = hr.export.c_raw(model, x)
        assert raw.dtype.newbyteorder("<") == raw.dtype
        outputs = [
            subprocess.run(run, cwd=tmp_path, input=raw.tobytes(), stdout=subprocess.PIPE, check=True).stdout
            for run in (board.emulator, ["./host"])
        ]
        assert outputs[0] == outputs[1]
        if model.card.integer is None:
            logits = np.array([float.fromhex(word) for word in outputs[0].decode().split()], np.float32)
            np.testing.assert_array_equal(logits, model.infer(x), strict=True)

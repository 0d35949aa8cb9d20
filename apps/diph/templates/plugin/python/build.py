"""Builds the plugin: `python3 build.py`, with the Python that it shall run in (and its numpy).

The library holds the sources as text. Whoever uses it needs the same Python, not this folder.
"""

import importlib.util
import json
import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).resolve().parent
PART = "template_part"
KINDS = {"forward-operator": 1, "prior": 2, "physics-projector": 3, "estimator": 4}


def c_text(text):
    """A C string literal, line by line. Octal escapes end after three digits, whatever follows."""
    plain = set(range(0x20, 0x7F)) - set(b'"\\?')
    escaped = lambda line: "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in line)
    return "\\\n ".join(f'"{escaped(line)}"' for line in text.encode().splitlines(keepends=True)) or '""'


def generated(part):
    source = (HERE / f"{PART}.py").read_text()
    texts = {
        "PART_ID": part.ID,
        "PART_NAME": part.NAME,
        "PART_VERSION": part.VERSION,
        "PART_SUMMARY": part.SUMMARY,
        "PART_OPTIONS": json.dumps(part.OPTIONS),
        "PART_EXAMPLE": json.dumps(part.EXAMPLE),
        "PART_REQUIREMENTS": json.dumps(part.REQUIREMENTS),
        "PART_FILE": f"{PART}.py",
        "MODULE_NAME": "diph_" + "".join(c if c.isalnum() else "_" for c in part.ID),
        "PYTHON_EXECUTABLE": sys.executable,
        "PYTHON_SERIES": "{}.{}.".format(*sys.version_info),
    }
    lines = [f"#define {name} {c_text(text)}" for name, text in texts.items()]
    lines.append(f"#define PART_KIND {KINDS[part.KIND]}")
    lines.append(f"static const char part_source[] = {c_text(source)};")
    lines.append(f"static const char glue_source[] = {c_text((HERE / 'diph_glue.py').read_text())};")
    return "\n".join(lines) + "\n"


def main():
    name = sysconfig.get_config_var("LDLIBRARY") or ""
    if ".a" in name or not sysconfig.get_config_var("Py_ENABLE_SHARED"):
        sys.exit("this python has no shared library: take one of the system's packages, or build it with --enable-shared")
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        sys.exit("Python.h is missing: install the development files of this python (on Debian python3-dev)")
    if importlib.util.find_spec("numpy") is None:
        sys.exit(f"numpy is missing: {sys.executable} -m pip install numpy")
    sys.path.insert(0, str(HERE))
    (HERE / "generated.h").write_text(generated(importlib.import_module(PART)))
    folder = sysconfig.get_config_var("LIBDIR")
    library = HERE / f"lib{PART}.{'dylib' if sys.platform == 'darwin' else 'so'}"
    command = shlex.split(os.environ.get("CC", "cc"))
    command += ["-std=c11", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", f"-I{HERE}", f"-I{sysconfig.get_path('include')}"]
    command += [str(HERE / "diph_python.c"), "-o", str(library), f"-L{folder}", f"-Wl,-rpath,{folder}"]
    command += [f"-lpython{sysconfig.get_config_var('LDVERSION')}", *shlex.split(sysconfig.get_config_var("LIBS") or "")]
    subprocess.run(command, check=True)
    print(library)


main()

"""The extension in C. Without a compiler the package installs without it, and seqsave works as it does without both.

With SEQSAVE_NATIVE_REQUIRED=1 in the environment, an extension that cannot be built is an error.

From Python 3.11 on it uses the limited API, so that one wheel serves every later version of Python; 3.10 and builds of
Python without the interpreter's lock get one of their own.
"""

import os
import sys
import sysconfig

from setuptools import Extension, setup

LIMITED = sys.version_info >= (3, 11) and not sysconfig.get_config_var("Py_GIL_DISABLED")
SOURCES = ("module.c", "encode.c", "inflate.c", "processor.c", "unfilter.c")
HEADERS = (
    "encode.h",
    "encode_body.h",
    "huffman.h",
    "inflate.h",
    "levels.h",
    "processor.h",
    "unfilter.h",
    "unfilter_body.h",
)
REQUIRED = os.environ.get("SEQSAVE_NATIVE_REQUIRED", "0") not in ("", "0")
FLAGS = ["/O2"] if os.name == "nt" else ["-O3", "-g0", "-std=c11", "-fvisibility=hidden"]

setup(
    ext_modules=[
        Extension(
            "seqsave_native._kernel",
            [f"src/seqsave_native/{name}" for name in SOURCES],
            depends=[f"src/seqsave_native/{name}" for name in HEADERS],
            define_macros=[("Py_LIMITED_API", "0x030B0000")] if LIMITED else [],
            extra_compile_args=FLAGS,
            py_limited_api=LIMITED,
            optional=not REQUIRED,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if LIMITED else {},
)

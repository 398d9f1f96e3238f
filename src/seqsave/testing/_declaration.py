"""What makes a declaration sound, and what files of well-known formats start with."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

from seqsave.types import EMBED_SUFFIX, EncoderSpec, Option

__all__ = ["problems", "signature_problem"]

DTYPES = ("uint8", "uint16", "float16", "float32", "float64")

# By extension; from the formats' specifications.
_SIGNATURES = {
    "png": rb"\x89PNG\r\n\x1a\n",
    "jpg": rb"\xff\xd8\xff",
    "webp": rb"RIFF....WEBP",
    "avif": rb"....ftypavif",
    "heic": rb"....ftyphei",
    "gif": rb"GIF8[79]a",
    "bmp": rb"BM",
    "tif": rb"II[*+]\0|MM\0[*+]",
    "exr": rb"v/1\x01",
    "jxl": rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n",
    "jp2": rb"\0\0\0\x0cjP  \r\n\x87\n",
    "dpx": rb"SDPX|XPDS",
    "hdr": rb"#\?(RADIANCE|RGBE)",
    "ppm": rb"P[1-7Ff]\s",
    "qoi": rb"qoif",
    "psd": rb"8BPS",
}
_SAME = {"jpeg": "jpg", "tiff": "tif", "pgm": "ppm", "pnm": "ppm", "pbm": "ppm", "pam": "ppm", "pfm": "ppm"}


def problems(spec: Any) -> list[str]:
    """Everything that is wrong with ``spec``, one line each."""
    if not isinstance(spec, EncoderSpec):
        return [f"spec is {spec!r}: it must be a seqsave.EncoderSpec"]
    found = [*_names(spec), *_pictures(spec), *_encoder(spec)]
    if not isinstance(spec.options, Mapping):
        return [*found, f"options is {spec.options!r}: it must map names to seqsave.Option"]
    for name, option in spec.options.items():
        if isinstance(option, Option):
            found += [f"option {name!r}: {problem}" for problem in _option(name, option)]
        else:
            found.append(f"option {name!r} is {option!r}: it must be a seqsave.Option")
    return found


def signature_problem(extension: str, data: bytes, signature: bytes | None) -> str | None:
    """Why ``data`` does not start as a file with ``extension`` does, or None.

    ``signature`` is a regular expression that replaces the one known here. Where none is known, the file at least
    must not start as one of another format.
    """
    known = _SAME.get(extension, extension)
    wanted = signature or _SIGNATURES.get(known)
    if wanted is not None:
        matches = re.match(wanted, data, re.DOTALL)
        return None if matches else f"a .{extension} file starts with {wanted!r} (a regular expression)"
    for other, pattern in _SIGNATURES.items():
        if re.match(pattern, data, re.DOTALL):
            return f"a .{extension} file starts like a .{other} file: set this suite's signature if it must"
    return None


def _names(spec: EncoderSpec) -> Iterator[str]:
    if not _word(spec.filetype) or spec.filetype.endswith(EMBED_SUFFIX):
        yield f"filetype is {spec.filetype!r}: a short name such as 'exr', without {EMBED_SUFFIX!r}"
    if not isinstance(spec.extensions, tuple) or not spec.extensions:
        yield f"extensions is {spec.extensions!r}: a tuple of at least one, such as ('exr',)"
    else:
        for extension in spec.extensions:
            if not isinstance(extension, str) or not re.fullmatch(r"[a-z0-9]+", extension):
                yield f"extension {extension!r}: lower case letters and digits, without a dot"
    if not re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", str(spec.content_type)):
        yield f"content_type is {spec.content_type!r}: a MIME type such as 'image/x-exr'"
    if spec.metadata not in ("embed", "none"):
        yield f"metadata is {spec.metadata!r}: 'embed' or 'none'"
    if not isinstance(spec.lossless, bool):
        yield f"lossless is {spec.lossless!r}: True or False"
    if spec.install_hint is not None and not _word(spec.install_hint):
        yield f"install_hint is {spec.install_hint!r}: a command such as 'pip install seqsave-exr', or None"


def _pictures(spec: EncoderSpec) -> Iterator[str]:
    for what, values, allowed in (("dtypes", spec.dtypes, DTYPES), ("channels", spec.channels, (1, 2, 3, 4))):
        if not isinstance(values, tuple) or not values:
            yield f"{what} is {values!r}: a tuple of at least one out of {allowed}"
        elif len(set(values)) < len(values):
            yield f"{what} names something twice: {values!r}"
        elif unknown := [value for value in values if value not in allowed or isinstance(value, bool)]:
            yield f"{what} holds {unknown!r}: allowed are {', '.join(map(str, allowed))}"


def _encoder(spec: EncoderSpec) -> Iterator[str]:
    module, _, name = str(spec.encoder).partition(":")
    if not module or not name.isidentifier():
        yield f"encoder is {spec.encoder!r}: it must be 'package.module:Class'"
        return
    try:
        made = getattr(importlib.import_module(module), name)()
    # Whatever it raises is what the author wants to read here.
    except Exception as error:  # noqa: BLE001
        yield f"encoder {spec.encoder!r} cannot be made without arguments: {type(error).__name__}: {error}"
        return
    for method, keywords in (("encode", ("metadata", "options", "info")), ("decode", ("max_pixels",))):
        function = getattr(made, method, None)
        if function is None:
            if method == "encode":
                yield f"encoder {spec.encoder!r} has no method encode"
            continue
        try:
            inspect.signature(function).bind(object(), **dict.fromkeys(keywords))
        except TypeError as error:
            yield f"encoder {spec.encoder!r}: {method} must take the picture or bytes, and {keywords} by name: {error}"


def _option(name: object, option: Option) -> Iterator[str]:
    if not isinstance(name, str) or not name.isidentifier() or name != name.lower():
        yield "a name is lower case, letters, digits and underscores"
    if option.type not in (bool, int, float, str):
        yield f"type is {option.type!r}: it must be bool, int, float or str"
        return
    if not _word(option.help):
        yield "help is missing: the command and the node show it"
    numeric = option.type in (int, float)
    for what, end in (("min", option.min), ("max", option.max)):
        if end is not None and (not numeric or isinstance(end, bool) or not isinstance(end, int | float)):
            yield f"{what} is {end!r}: a number, and only for int and float options"
            return
    if option.choices is not None and (not isinstance(option.choices, tuple) or not option.choices):
        yield f"choices is {option.choices!r}: a tuple of at least one"
        return
    if option.min is not None and option.max is not None and option.min > option.max:
        yield f"min {option.min:g} is more than max {option.max:g}"
    yield from _default(option)


def _default(option: Option) -> Iterator[str]:
    values = [] if option.default is None else [("default", option.default)]
    values += [("choice", choice) for choice in option.choices or ()]
    for what, value in values:
        if type(value) is not option.type:
            yield f"{what} {value!r} is not of type {option.type.__name__}"
        elif isinstance(value, int | float) and not _within(option, value):
            yield f"{what} {value!r} is out of bounds"
        elif option.choices is not None and value not in option.choices:
            yield f"{what} {value!r} is not among the choices"


def _within(option: Option, value: float) -> bool:
    return (option.min is None or value >= option.min) and (option.max is None or value <= option.max)


def _word(text: object) -> bool:
    return isinstance(text, str) and bool(text) and text == text.strip()

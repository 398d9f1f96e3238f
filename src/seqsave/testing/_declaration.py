"""Check a declaration beyond its validity, and the first bytes of files in well-known formats."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import TYPE_CHECKING, Any

from seqsave.plugins import declarations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqsave.specs import EncoderSpec

__all__ = ["problems", "signature_problem"]

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
    """Return the problems of ``spec`` and of the class that it names, one line each."""
    found = declarations.problems(spec)
    if found:
        return found
    found += [f"option {name!r}: help is missing; the command and the node show it" for name in _unexplained(spec)]
    return [*found, *_encoder(spec)]


def signature_problem(extension: str, data: bytes, signature: bytes | None) -> str | None:
    """Return why ``data`` does not start as a file with ``extension``, or None.

    ``signature`` is a regular expression that replaces the known one. If there is none, the file must at least not
    start like a file of another format.
    """
    known = _SAME.get(extension, extension)
    wanted = signature or _SIGNATURES.get(known)
    if wanted is not None:
        matches = re.match(wanted, data, re.DOTALL)
        return None if matches else f"a .{extension} file must start with {wanted!r} (a regular expression)"
    for other, pattern in _SIGNATURES.items():
        if re.match(pattern, data, re.DOTALL):
            return f"a .{extension} file starts like a .{other} file: set this suite's signature if it must"
    return None


def _unexplained(spec: EncoderSpec) -> list[str]:
    return [name for name, option in spec.options.items() if not option.help.strip()]


def _encoder(spec: EncoderSpec) -> Iterator[str]:
    module, _, name = spec.encoder.partition(":")
    try:
        made = getattr(importlib.import_module(module), name)()
    # The author needs to see any error here.
    except Exception as error:  # noqa: BLE001
        yield f"encoder {spec.encoder!r} must be a class to call without arguments: {type(error).__name__}: {error}"
        return
    for method, keywords in (("encode", ("metadata", "options", "info")), ("decode", ("max_pixels",))):
        function = getattr(made, method, None)
        if function is None:
            if method == "encode":
                yield f"encoder {spec.encoder!r} must have a method encode"
            continue
        try:
            inspect.signature(function).bind(object(), **dict.fromkeys(keywords))
        except TypeError as error:
            yield f"encoder {spec.encoder!r}: {method} must take the picture or bytes, and {keywords} by name: {error}"

"""What makes an encoder's declaration sound, checked without importing the encoder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from seqsave.types import EMBED_SUFFIX, EncoderSpec, Option

__all__ = ["problems"]

DTYPES = ("uint8", "uint16", "float16", "float32", "float64")


def problems(spec: Any) -> list[str]:
    """Everything that makes ``spec`` unusable, one line each; an empty list when it is sound."""
    if not isinstance(spec, EncoderSpec):
        return [f"{spec!r} is no seqsave.EncoderSpec"]
    found = [*_names(spec), *_pictures(spec)]
    if not isinstance(spec.options, Mapping):
        return [*found, f"options is {spec.options!r}: it must map names to seqsave.Option"]
    for name, option in spec.options.items():
        if isinstance(option, Option):
            found += [f"option {name!r}: {problem}" for problem in _option(name, option)]
        else:
            found.append(f"option {name!r} is {option!r}: it must be a seqsave.Option")
    return found


def _names(spec: EncoderSpec) -> Iterator[str]:
    if not _text(spec.filetype) or spec.filetype.endswith(EMBED_SUFFIX):
        yield (
            f"filetype is {spec.filetype!r}: a short name such as 'exr'; the variant {EMBED_SUFFIX!r} is made from "
            "metadata='embed'"
        )
    if not isinstance(spec.extensions, tuple) or not spec.extensions:
        yield f"extensions is {spec.extensions!r}: a tuple of at least one, such as ('exr',)"
    else:
        for extension in spec.extensions:
            if not isinstance(extension, str) or not re.fullmatch(r"[a-z0-9]+", extension):
                yield f"extension is {extension!r}: it must be lower case letters and digits, without a dot"
    if not isinstance(spec.encoder, str) or not re.fullmatch(r"[\w.]+:[^\W\d]\w*", spec.encoder):
        yield f"encoder is {spec.encoder!r}: it must be 'package.module:Class'"
    if not isinstance(spec.content_type, str) or not re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", spec.content_type):
        yield f"content_type is {spec.content_type!r}: a MIME type such as 'image/x-exr'"
    if spec.metadata not in ("embed", "none"):
        yield f"metadata is {spec.metadata!r}: 'embed' or 'none'"
    if not isinstance(spec.lossless, bool):
        yield f"lossless is {spec.lossless!r}: True or False"
    if spec.install_hint is not None and not _text(spec.install_hint):
        yield f"install_hint is {spec.install_hint!r}: a command such as 'pip install seqsave-exr', or None"


def _pictures(spec: EncoderSpec) -> Iterator[str]:
    for what, values, allowed in (("dtypes", spec.dtypes, _is_dtype), ("channels", spec.channels, _is_count)):
        known = ", ".join(DTYPES) if what == "dtypes" else "whole numbers from 1 on"
        if not isinstance(values, tuple) or not values:
            yield f"{what} is {values!r}: a tuple of at least one out of {known}"
        elif unknown := [value for value in values if not allowed(value)]:
            yield f"{what} holds {unknown!r}: allowed are {known}"
        elif len(set(values)) < len(values):
            yield f"{what} names something twice: {values!r}"


def _is_dtype(value: object) -> bool:
    return value in DTYPES


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 1


def _option(name: object, option: Option) -> Iterator[str]:
    if not isinstance(name, str) or not name.isidentifier() or name != name.lower():
        yield "a name is lower case: letters, digits and underscores"
    if option.type not in (bool, int, float, str):
        yield f"type is {option.type!r}: it must be bool, int, float or str"
        return
    if not isinstance(option.help, str):
        yield f"help is {option.help!r}: it must be text"
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
    yield from _values(option)


def _values(option: Option) -> Iterator[str]:
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


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value) and value == value.strip()

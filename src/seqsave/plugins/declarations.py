"""Check the declaration of an encoder, a target or an observer without importing its code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from seqsave.specs import EncoderSpec, ObserverSpec, Option, TargetSpec, Traits
from seqsave.types import EMBED_SUFFIX

__all__ = ["observer_problems", "problems", "target_problems"]

DTYPES = (
    *("uint8", "uint16", "uint32", "int16", "int32"),
    *("float16", "float32", "float64"),
)
# The scheme of a URL, RFC 3986; fsspec's own names hold "_" as well.
_PROTOCOL = re.compile(r"[a-z][a-z0-9+._-]+")
_CODE = re.compile(r"[\w.]+:[^\W\d]\w*")


def problems(spec: Any) -> list[str]:
    """Return the problems of an EncoderSpec, one line each; an empty list if it is valid."""
    if not isinstance(spec, EncoderSpec):
        return [f"{spec!r} is not a seqsave.EncoderSpec"]
    return [*_names(spec), *_pictures(spec), *_options(spec.options)]


def target_problems(spec: Any) -> list[str]:
    """Return the problems of a TargetSpec, one line each; an empty list if it is valid."""
    if not isinstance(spec, TargetSpec):
        return [f"{spec!r} is not a seqsave.TargetSpec"]
    found = [*_protocols(spec.protocols), *_install_hint(spec.install_hint), *_options(spec.options)]
    if (spec.target is None) == (spec.traits is None):
        found.append("exactly one of target and traits must be set")
    elif spec.traits is None and not _is_code(spec.target):
        found.append(f"target is {spec.target!r}: it must be 'package.module:Class'")
    elif spec.traits is not None:
        found += _traits(spec.traits)
    return found


def observer_problems(spec: Any) -> list[str]:
    """Return the problems of an ObserverSpec, one line each; an empty list if it is valid."""
    if not isinstance(spec, ObserverSpec):
        return [f"{spec!r} is not a seqsave.ObserverSpec"]
    found = list(_install_hint(spec.install_hint))
    if not _text(spec.name):
        found.append(f"name is {spec.name!r}: a short name such as 'farm-database'")
    if not _is_code(spec.observer):
        found.append(f"observer is {spec.observer!r}: it must be 'package.module:function'")
    return found


def _protocols(protocols: object) -> Iterator[str]:
    if not isinstance(protocols, tuple) or not protocols:
        yield f"protocols is {protocols!r}: a tuple of at least one, such as ('shelf',)"
        return
    for protocol in protocols:
        if not isinstance(protocol, str) or not _PROTOCOL.fullmatch(protocol):
            yield f"protocol is {protocol!r}: lower case, at least two characters, without ://"
    if len(set(map(str, protocols))) < len(protocols):
        yield f"protocols contains duplicates: {protocols!r}"


def _traits(traits: object) -> Iterator[str]:
    if not isinstance(traits, Traits):
        yield f"traits is {traits!r}: it must be a seqsave.Traits"
        return
    for name, allowed in (("publish", ("put", "move", "plain")), ("threads", ("shared", "each", "turns"))):
        if getattr(traits, name) not in allowed:
            yield f"traits.{name} is {getattr(traits, name)!r}: allowed are {', '.join(allowed)}"
    for name in ("create", "folders", "own_top", "retries"):
        if not isinstance(getattr(traits, name), bool):
            yield f"traits.{name} is {getattr(traits, name)!r}: True or False"
    for name in ("keywords", "move", "write"):
        if getattr(traits, name) is not None and not _is_code(getattr(traits, name)):
            yield f"traits.{name} is {getattr(traits, name)!r}: 'package.module:function', or None"
    if not isinstance(traits.refused, str):
        yield f"traits.refused is {traits.refused!r}: text"
    if traits.create and traits.publish == "move":
        yield "traits.create is True with publish='move': a move cannot be refused by the store; leave one out"


def _options(options: object) -> Iterator[str]:
    if not isinstance(options, Mapping):
        yield f"options is {options!r}: it must map names to seqsave.Option"
        return
    for name, option in options.items():
        if isinstance(option, Option):
            yield from (f"option {name!r}: {problem}" for problem in _option(name, option))
        else:
            yield f"option {name!r} is {option!r}: it must be a seqsave.Option"


def _install_hint(hint: object) -> Iterator[str]:
    if hint is not None and not _text(hint):
        yield f"install_hint is {hint!r}: a command such as 'pip install seqsave-exr', or None"


def _is_code(value: object) -> bool:
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


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
    if not _is_code(spec.encoder):
        yield f"encoder is {spec.encoder!r}: it must be 'package.module:Class'"
    if not isinstance(spec.content_type, str) or not re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", spec.content_type):
        yield f"content_type is {spec.content_type!r}: a MIME type such as 'image/x-exr'"
    if spec.metadata not in ("embed", "none"):
        yield f"metadata is {spec.metadata!r}: 'embed' or 'none'"
    if not isinstance(spec.lossless, bool):
        yield f"lossless is {spec.lossless!r}: True or False"
    yield from _install_hint(spec.install_hint)


def _pictures(spec: EncoderSpec) -> Iterator[str]:
    for what, values, allowed in (("dtypes", spec.dtypes, _is_dtype), ("channels", spec.channels, _is_count)):
        known = ", ".join(DTYPES) if what == "dtypes" else "whole numbers from 1 on"
        if not isinstance(values, tuple) or not values:
            yield f"{what} is {values!r}: a tuple of at least one out of {known}"
        elif unknown := [value for value in values if not allowed(value)]:
            yield f"{what} holds {unknown!r}: allowed are {known}"
        elif len(set(values)) < len(values):
            yield f"{what} contains duplicates: {values!r}"
    if spec.default_color is not None and not _text(spec.default_color):
        yield f"default_color is {spec.default_color!r}: the name of a colour space such as 'srgb', or None"


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

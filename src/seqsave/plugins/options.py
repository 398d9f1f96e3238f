"""Check options of encoders and targets against their declarations, before anything is written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from seqsave.errors import OptionError
from seqsave.specs import EncoderSpec, Option, OptionValue
from seqsave.wording import did_you_mean

__all__ = ["check_choice", "check_count", "check_flag", "check_options", "check_storage_options", "convert", "describe"]


def check_options(spec: EncoderSpec, given: Mapping[str, Any] | None) -> dict[str, OptionValue | None]:
    """Return every option that ``spec`` declares, with its given or default value.

    Raises OptionError for a name that is not declared (naming the nearest) and for an unsuitable value.
    """
    if given is not None and not isinstance(given, Mapping):
        raise OptionError(f"options are {given!r}: they must be a mapping of names to values")
    values: dict[str, OptionValue | None] = {name: option.default for name, option in spec.options.items()}
    for name, value in (given or {}).items():
        if name not in spec.options:
            raise OptionError(_unknown(spec, name), topic="unknown-option")
        values[name] = _check(spec.filetype, name, spec.options[name], value)
    return values


def check_storage_options(given: object) -> None:
    """Raise OptionError unless the options of a storage are a mapping, or None."""
    if given is not None and not isinstance(given, Mapping):
        # The value may be a secret.
        raise OptionError(f"storage_options is of type {type(given).__name__}: it must be a mapping of names to values")


def convert(option: Option, value: Any) -> OptionValue | None:
    """Return ``value`` in the option's type; None if the option does not allow it."""
    converted = _in_type(option, value)
    return converted if converted is not None and _allowed(option, converted) else None


def check_choice(what: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise OptionError unless ``value`` is one of ``choices``."""
    if value in choices:
        return
    hint = did_you_mean(value, choices)
    raise OptionError(f"{what} is {value!r}{hint}: it must be one of {', '.join(map(repr, choices))}")


def check_count(what: str, value: object) -> int:
    """Return ``value`` if it is a whole number of 1 or more. Raises OptionError, which names ``what``, otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise OptionError(f"{what} is {value!r}: it must be a whole number, 1 or more")
    return value


def check_flag(what: str, value: object) -> None:
    """Raise OptionError unless ``value`` is True or False: a text such as "no" would count as True."""
    if value not in (True, False):
        raise OptionError(f"{what} is {value!r}: it must be True or False")


def _unknown(spec: EncoderSpec, name: str) -> str:
    hint = did_you_mean(name, spec.options)
    takes = ", ".join(sorted(spec.options)) or "none"
    return f"{spec.filetype!r} has no option {name!r}{hint}: it takes {takes}"


def _check(filetype: str, name: str, option: Option, value: Any) -> OptionValue | None:
    if value is None:
        return option.default
    converted = convert(option, value)
    if converted is None:
        raise OptionError(f"option {name!r} of {filetype!r} is {value!r}: it must be {describe(option)}")
    return converted


def _in_type(option: Option, value: Any) -> OptionValue | None:
    """Return ``value`` in the option's type, or None. Numbers and booleans are also parsed from text."""
    if option.type is str:
        return value if isinstance(value, str) else None
    if option.type is bool:
        return _as_bool(value)
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
        if option.type is float:
            return number if math.isfinite(number) else None
        return int(value) if int(value) == number else None
    except (TypeError, ValueError, OverflowError):
        return None


def _as_bool(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    return words.get(value.lower()) if isinstance(value, str) else None


def _allowed(option: Option, value: OptionValue) -> bool:
    if option.choices is not None:
        return value in option.choices
    if isinstance(value, str):
        return True
    return (option.min is None or value >= option.min) and (option.max is None or value <= option.max)


def describe(option: Option) -> str:
    """Return what an option allows, in words."""
    if option.choices is not None:
        return "one of " + ", ".join(map(repr, option.choices))
    kind = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[option.type]
    if option.min is not None and option.max is not None:
        return f"{kind} from {option.min:g} to {option.max:g}"
    if option.min is not None:
        return f"{kind}, {option.min:g} or more"
    if option.max is not None:
        return f"{kind}, {option.max:g} or less"
    return kind

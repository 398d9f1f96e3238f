"""Read a writer's URL: a folder, or a pattern (``out/shot.####.exr``) that also sets the names of the files."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqsave import naming, targets
from seqsave.errors import OptionError, TargetError
from seqsave.naming import NamePattern
from seqsave.plugins import registry
from seqsave.settings.config import SETTINGS, WriterConfig, with_settings
from seqsave.types import EMBED_SUFFIX

__all__ = ["Url", "at_destination"]

Url = str | os.PathLike[str]
# Placeholders that also occur in names of folders: "take #1.v2", "shot_%d.final".
_WEAK = re.compile(r"(?<![#@])[#@](?![#@])|%[di]")


def at_destination(
    url: Url, config: WriterConfig | None, settings: Mapping[str, Any], *, copied: str = ""
) -> tuple[Url, WriterConfig]:
    """Return the folder of a writer's URL, and the settings with those that a pattern in the URL sets.

    A URL that ends with a slash, and the URL of an existing folder, are never read as patterns.

    copied: the extension, in lower case, of a sequence's files: their type is kept, unless a setting or a pattern with
        another extension asks for one.

    Raises OptionError for a setting that contradicts the pattern, for the name of one file without a place for the
    number, and for a pattern without an extension; EncoderNotFoundError for a pattern with an extension that no file
    type writes; and as ``with_settings``.
    """
    with targets.hiding(url):
        return _at_destination(url, config, settings, copied)


def _at_destination(
    url: Url, config: WriterConfig | None, settings: Mapping[str, Any], copied: str
) -> tuple[Url, WriterConfig]:
    text = str(url)
    is_url, is_config = isinstance(url, str | os.PathLike), isinstance(config, WriterConfig | None)
    if not is_config:
        return url, with_settings(config, settings)
    kept = _kept_filetype(copied) if copied and "filetype" not in {**_given(config, settings), **settings} else {}
    unnamed = {**kept, **settings}
    if not is_url or text.endswith("/"):
        return url, with_settings(config, unnamed)
    options = settings.get("storage_options", config.delivery.storage_options if config is not None else None)
    found = naming.parse_pattern(text)
    if found is None:
        _refuse_file(url, options)
        return url, with_settings(config, unnamed)
    folder, pattern = found
    is_copied = pattern.extension.lower() == copied
    if (_may_be_folder(text, pattern) and not is_copied) or _exists(url, options):
        return url, with_settings(config, unnamed)
    named = {**_given(config, settings), **settings}
    _check_names(pattern, named)
    is_copied = is_copied and "filetype" not in named
    named_by = {"prefix": pattern.prefix, "separator": pattern.separator, "digits": pattern.digits, **kept}
    if not is_copied:
        named_by["filetype"] = named.get("filetype") or _filetype(pattern)
    made = replace(with_settings(config, {**settings, **named_by}), pattern=pattern)
    if not is_copied and not any(_is_of(form.resolved.spec.extensions, pattern) for form in made.formats):
        given = ", ".join(form.resolved.filetype for form in made.formats)
        raise _contradiction(pattern, "filetype", given)
    return getattr(url, "parent", folder or "."), made


def _given(config: WriterConfig | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return those settings of names and file types in a config that differ from the defaults."""
    if config is None:
        return {}
    names = ("prefix", "separator", "digits", "filetype")
    known = with_settings(config, {}).settings
    return {name: known[name] for name in names if known[name] != SETTINGS[name].default and name not in settings}


def _check_names(pattern: NamePattern, given: Mapping[str, Any]) -> None:
    """Raise OptionError for a prefix, separator or number of digits other than that of the pattern."""
    prefix, separator = given.get("prefix"), given.get("separator")
    if "digits" in given and given["digits"] != pattern.digits:
        raise _contradiction(pattern, "digits", given["digits"])
    if prefix is not None and prefix not in (pattern.prefix, pattern.head) and f"{prefix}{separator}" != pattern.head:
        raise _contradiction(pattern, "prefix", prefix)
    if separator is not None and not pattern.head.endswith(str(separator)):
        raise _contradiction(pattern, "separator", separator)


def _contradiction(pattern: NamePattern, name: str, value: Any) -> OptionError:
    return OptionError(
        f"the URL ends in {pattern}, which contradicts `{name}` {value!r}: leave one of them out", topic="contradiction"
    )


def _filetype(pattern: NamePattern) -> str:
    """Return the file type that an extension means. Raises EncoderNotFoundError."""
    usual = str(SETTINGS["filetype"].default)
    extension = pattern.extension.lower()
    if extension in registry.resolve(usual).spec.extensions:
        return usual
    spec = registry.spec_for_extension(extension)
    return registry.resolve(extension if spec is None else spec.filetype).filetype


def _kept_filetype(extension: str) -> dict[str, Any]:
    """Return the file type of a sequence, as a setting: with metadata inside, if its files can hold it.

    Nothing for files that no installed format writes: they can be copied, and pictures of them become the usual type.
    """
    spec = registry.spec_for_extension(extension)
    if spec is None:
        return {}
    return {"filetype": spec.filetype + (EMBED_SUFFIX if spec.metadata == "embed" else "")}


def _is_of(extensions: Sequence[str], pattern: NamePattern) -> bool:
    return pattern.extension.lower() in extensions


def _may_be_folder(text: str, pattern: NamePattern) -> bool:
    """Return True for ``take #1.v2``: a single placeholder character, and an unknown extension."""
    name = text.rpartition("/")[2]
    is_weak = bool(_WEAK.search(name)) and not naming.is_strong(name)
    is_known = naming.kind_of_extension(pattern.extension) or registry.spec_for_extension(pattern.extension)
    return is_weak and not is_known


def _refuse_file(url: Url, options: Mapping[str, Any] | None) -> None:
    """Raise OptionError for ``movie.mp4``, ``out.zip``, ``out/frame.png`` or ``out/shot.####``.

    Nothing is raised if a folder has this name.
    """
    text = str(url)
    if naming.is_unended(text) and not _exists(url, options):
        raise OptionError(naming.unended_message(text, "png"))
    folder, slash, name = text.rpartition("/")
    stem, extension = naming.split_extension(name)
    kind = naming.kind_of_extension(extension) if stem else ""
    if not kind or _exists(url, options):
        return
    what = {"picture": "a picture", "movie": "a movie", "archive": "an archive"}[kind]
    if kind == "picture":
        rule = naming.split_name(name)
        pattern = str(rule[0]) if rule is not None else f"{stem}_#####.{extension}"
        advice = f"write {folder}{slash}{pattern} for numbered files"
    else:
        advice = f"write the folder for its frames, as {folder}{slash}{stem}"
    raise OptionError(
        f"{text} has the name of {what}, and each frame is a file of its own: {advice}, or {text}/ for a folder of "
        "this name"
    )


def _exists(url: Url, options: Mapping[str, Any] | None) -> bool:
    """Return True if a folder of exactly this name exists; False for a storage that does not answer.

    A local file counts too: opening the target reports that it is a file.
    """
    target = targets.resolve(url, options)
    if target.is_local:
        with contextlib.suppress(OSError):  # the name is too long, or the folder may not be entered
            return Path(target.url).exists()
        return False
    try:
        return bool(target.list(""))
    except TargetError:
        return False

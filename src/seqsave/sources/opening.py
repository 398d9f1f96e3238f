"""Find out what a source is (a video, an array, a picture, a folder, a pattern or a glob) and open it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from seqsave import naming, targets
from seqsave.errors import SequenceNotFoundError, SourceError, TargetError
from seqsave.sequences.reader import Files
from seqsave.sources import files, pictures
from seqsave.sources.reading import source_of_files
from seqsave.sources.records import Keep, Source
from seqsave.sources.video import EXTENSIONS as VIDEO_EXTENSIONS
from seqsave.wording import did_you_mean

__all__ = ["describe_missing", "kind_of", "open_source"]

_WILDCARD = re.compile(r"[*?\[]")


def open_source(
    source: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None, *, keep: Keep | None = None
) -> Source:
    """Open a video, a ``.npy`` file, a picture, a folder, a pattern (``frame_#####.png``) or a glob, on any storage.

    If a file or folder of exactly this name exists, it is not treated as a pattern or glob.

    keep: files of this format are passed on byte by byte instead of being decoded.

    Raises SequenceNotFoundError (nothing exists there), SourceError (no frames can be read from it), TargetError,
    EncoderUnavailableError (PyAV is missing). A frame that cannot be read raises SourceError during the iteration.
    """
    found = _look(source, storage_options)
    if isinstance(found, _File):
        return _open_file(found, keep)
    if isinstance(found, _Folder):
        return _open_folder(found, keep)
    text = str(source)
    pattern = naming.parse_pattern(text)
    if pattern is not None:
        return _open_pattern(source, pattern, storage_options, keep)
    if _WILDCARD.search(text):
        return _open_glob(text, storage_options, keep)
    raise SequenceNotFoundError(describe_missing(source, storage_options))


# --- existing files and folders --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _File:
    """A file: its parent folder and its name."""

    target: targets.Target
    name: str

    @property
    def extension(self) -> str:
        return self.name.rpartition(".")[2].lower() if "." in self.name else ""


@dataclass(frozen=True, slots=True)
class _Folder:
    target: targets.Target
    entries: Sequence[targets.Entry]


def _look(source: str | os.PathLike[str], options: Mapping[str, Any] | None) -> _File | _Folder | None:
    """Return the file or folder of exactly this path; None if it does not exist."""
    target = targets.resolve(source, options)
    if target.is_local and Path(target.url).is_dir():
        return _Folder(target, files.listing(target))
    file = _look_for_file(source, options)
    if file is not None:
        return file
    if target.is_local:
        return None
    entries = files.listing(target)
    return _Folder(target, entries) if entries or _is_empty_folder(source, target, options) else None


def kind_of(
    url: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None
) -> Literal["file", "folder"] | None:
    """Return the kind of the file or folder of exactly this URL; None if it does not exist. Raises TargetError."""
    found = _look(url, storage_options)
    if found is None:
        return None
    return "file" if isinstance(found, _File) else "folder"


def _is_empty_folder(source: str | os.PathLike[str], target: targets.Target, options: Mapping[str, Any] | None) -> bool:
    """Return True for an existing empty folder. Only the listing of its parent shows that it exists."""
    if not target.capabilities.folders:
        return False
    name, siblings = _siblings(source, options)
    return any(entry.is_folder and entry.name == name for entry in siblings)


def _siblings(source: str | os.PathLike[str], options: Mapping[str, Any] | None) -> tuple[str, Sequence[targets.Entry]]:
    """Return the name of ``source`` in its parent folder, and the entries of that; none if it cannot be listed."""
    try:
        parent, name = targets.resolve_file(source, options)
        return name, files.listing(parent)
    except TargetError:  # a bucket or root has no parent
        return "", []


def _look_for_file(source: str | os.PathLike[str], options: Mapping[str, Any] | None) -> _File | None:
    try:
        parent, name = targets.resolve_file(source, options)
    except TargetError:  # a bucket or root is not a file
        return None
    return _File(parent, name) if parent.exists(name) else None


def describe_missing(url: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None) -> str:
    """Return a message that ``url`` does not exist, with a similar name: ``(did you mean 'clip.mp4'?)``."""
    target = targets.resolve(url, storage_options)
    name, siblings = _siblings(url, storage_options)
    names = [entry.name for entry in siblings]
    if name in names:
        return f"{target.url} is neither a file nor a folder that can be read"
    return f"{target.url} does not exist{did_you_mean(name, names)}"


# --- one file --------------------------------------------------------------------------------------------------------


def _open_file(file: _File, keep: Keep | None) -> Source:
    if file.extension == "npy":
        from seqsave.sources.arrays import open_array

        return open_array(file.target, file.name)
    if file.extension in VIDEO_EXTENSIONS:
        return _open_video(file)
    if file.extension in pictures.readable_extensions():
        return _open_picture(file, keep)
    return _open_unknown(file, keep)


def _open_video(file: _File) -> Source:
    from seqsave.sources.video import open_video

    return open_video(file.target, file.name)


def _open_unknown(file: _File, keep: Keep | None) -> Source:
    """Open a file of an unknown extension: as a picture if it is one, otherwise as a video. Raises SourceError."""
    try:
        if pictures.is_picture(files.read_file(file.target, file.name)):
            return _open_picture(file, keep)
        return _open_video(file)
    except (SourceError, ImportError):
        kinds = ", ".join(sorted(pictures.readable_extensions()))
        raise SourceError(
            f"{file.target.url_of(file.name)} cannot be read as frames: use a video "
            f"({', '.join(sorted(VIDEO_EXTENSIONS))}), a .npy array, or pictures ({kinds})"
        ) from None


def _open_picture(file: _File, keep: Keep | None) -> Source:
    url = file.target.url_of(file.name)
    if file.extension in pictures.ANIMATED:
        animation = pictures.open_animation(url, files.read_file(file.target, file.name))
        if animation is not None:
            return animation
    parsed = files.parse_numbered(file.name)
    frame = Files(file.target).frame(file.name, 0, parsed.number if parsed else 0)
    chosen = files.Chosen((frame,), parsed is not None)
    return source_of_files(url, file.target, chosen, keep)


# --- many files ------------------------------------------------------------------------------------------------------


def _open_folder(folder: _Folder, keep: Keep | None) -> Source:
    target = folder.target
    members = list(files.folder_members(target, folder.entries))
    if not members:
        inside = [entry.name for entry in folder.entries if entry.is_folder and not entry.name.startswith(".")]
        more = f", only folders: {', '.join(inside[:5])}" if inside else ": it is empty"
        raise SequenceNotFoundError(f"{target.url} holds no files{more}")
    chosen = files.choose(target, target.url, members, pictures.readable_extensions(), all_of_them=False)
    return source_of_files(target.url, target, chosen, keep)


def _open_pattern(
    source: str | os.PathLike[str], pattern: naming.Pattern, options: Mapping[str, Any] | None, keep: Keep | None
) -> Source:
    target = targets.resolve(getattr(source, "parent", pattern.folder or "."), options)
    members = list(files.matching_members(target, files.listing(target), pattern))
    if not members:
        raise SequenceNotFoundError(f"no frame {pattern} in {target.url}: seqsave ls shows what there is")
    extensions = frozenset(member.name.rpartition(".")[2].lower() for member in members)
    chosen = files.choose(target, target.url, members, extensions, all_of_them=False)
    return source_of_files(f"{pattern} in {target.url}", target, chosen, keep)


def _open_glob(text: str, options: Mapping[str, Any] | None, keep: Keep | None) -> Source:
    base, parts = _split_glob(text)
    target = targets.resolve(base, options)
    members = list(files.glob_members(target, parts))
    glob = "/".join(parts)
    if not members:
        raise SequenceNotFoundError(f"no file matches {glob} in {target.url}")
    where = f"{glob} in {target.url}"
    chosen = files.choose(target, where, members, pictures.readable_extensions(), all_of_them=True)
    return source_of_files(where, target, chosen, keep)


def _split_glob(text: str) -> tuple[str, list[str]]:
    """Return the folder before the first wildcard, and the other levels of the path."""
    if os.name == "nt" and "://" not in text:
        text = text.replace("\\", "/")
    wildcard = _WILDCARD.search(text)
    cut = text.rfind("/", 0, wildcard.start() if wildcard else None) + 1
    return text[:cut] or ".", [part for part in text[cut:].split("/") if part]

"""Read a manifest, change it, and list the frames that it names."""

from __future__ import annotations

import contextlib
import json
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from seqsave import targets
from seqsave.errors import FrameNameError, ManifestError, TargetError
from seqsave.manifest.checked import text_of
from seqsave.manifest.document import Manifest, agreed, dump, load
from seqsave.manifest.merging import CONTENT_TYPE
from seqsave.manifest.outcome import Listing, Seen, listing_of
from seqsave.manifest.records import FrameEntry
from seqsave.runtime import retry
from seqsave.targets.spelling import differs_in_case, folds_case, read_spelled, spelled
from seqsave.wording import crc32_text

__all__ = [
    "DEFAULT_POLICY",
    "change",
    "list_frames",
    "load_from",
    "load_or_none",
    "marked",
    "now",
    "read",
    "read_again",
    "software",
    "stamped",
]

DEFAULT_POLICY = retry.RetryPolicy()

# How many bytes are read of frames whose version is not the recorded one, to see what they hold.
MOST_READ = 512 * 2**20


def read(target: targets.Target, path: str, *, policy: retry.RetryPolicy = DEFAULT_POLICY) -> Manifest | None:
    """Return the manifest at ``path`` in ``target``; None if it does not exist, or belongs to another name's frames.

    The file may have its name in the other Unicode form, as another program has copied it.

    Raises ManifestError (damaged, or of a newer version), TargetError.
    """
    try:
        data = retry.call(policy, lambda: _text_or_bytes(read_spelled(target, path)), contact=target.known)
        return load_from(target, path, data)
    except (targets.FileMissingError, FrameNameError):
        return None


def list_frames(target: targets.Target, prefix: str, names: Iterable[str]) -> Listing | None:
    """List the folders of these frames, which are named as in a manifest; return None without the right to list.

    Raises TargetError for temporary failures.
    """
    below = prefix.rpartition("/")[0]
    found: dict[str, Seen] = {}
    for folder in {name.rpartition("/")[0] for name in names}:
        try:
            entries = target.list("/".join(filter(None, (below, folder))))
        except TargetError as error:
            if error.transient:
                raise
            return None
        head = f"{folder}/" if folder else ""
        found |= {f"{head}{one.name}": Seen(one.size, one.version) for one in entries if not one.is_folder}
    return listing_of(found)


def read_again(target: targets.Target, prefix: str, doubtful: Iterable[FrameEntry]) -> set[str]:
    """Return the names of the frames whose bytes are the recorded ones. Reads up to ``MOST_READ`` bytes."""
    below, same, left = prefix.rpartition("/")[0], set(), MOST_READ
    for frame in doubtful:
        left -= frame.size or 0
        if left < 0:
            break
        try:
            data = read_spelled(target, "/".join(filter(None, (below, frame.name))))
        except TargetError:
            continue
        if crc32_text(zlib.crc32(data)) == frame.checksum:
            same.add(frame.name)
    return same


def change(
    target: targets.Target,
    path: str,
    make: Callable[[Manifest | None], Manifest | None],
    *,
    policy: retry.RetryPolicy = DEFAULT_POLICY,
) -> Manifest | None:
    """Replace the manifest at ``path`` by the result of ``make``, which gets None for a missing or damaged one.

    Returns the new manifest. Raises TargetError; ManifestError for one of a newer version; FrameNameError for that of a
    sequence whose name differs only in its case.
    """
    result: list[Manifest | None] = []

    def change_bytes(data: bytes | None) -> bytes | None:
        before = None if data is None else load_or_none(target, path, data)
        after = make(before)
        result[:] = [after]
        return None if after is None else dump(stamped(after))

    def update() -> None:
        target.update(spelled(target, path), change_bytes, content_type=CONTENT_TYPE)

    with targets.changing():
        retry.call(policy, update, contact=target.known)
    return result[0]


def software() -> str:
    """Return the name and version of this software: ``seqsave 0.1.0``."""
    import sys

    return f"seqsave {getattr(sys.modules.get('seqsave'), '__version__', '')}".rstrip()


def _text_or_bytes(data: bytes) -> str | bytes:
    """Return the text of a file, whose bytes need not be kept then; bytes without text, which ``load`` reports."""
    with contextlib.suppress(ValueError):
        return text_of(data)
    return data


def load_from(target: targets.Target, path: str, data: bytes | str) -> Manifest:
    try:
        found = load(data)
    except ManifestError as error:
        raise ManifestError(f"{target.url_of(path)}: {error}", is_newer=error.is_newer) from None
    _refuse_other_name(target, path, found)
    return agreed(found)


def _refuse_other_name(target: targets.Target, path: str, found: Manifest) -> None:
    """Raise FrameNameError for the manifest of a sequence whose name differs only in its case: frame_#, Frame_#.

    A storage that ignores case has one manifest for both. On other storages, it is one that was renamed by hand.

    Raises TargetError for temporary failures.
    """
    own, other = path.rpartition("/")[2], found.path.rpartition("/")[2]
    if differs_in_case(own, other) and folds_case(target, path, [other]):
        raise FrameNameError(
            f"cannot use {target.url_of(path)}: it is the manifest of {found.pattern}, and names that differ only in "
            "capital and small letters are the same file there. Use another prefix, or another folder"
        )


def load_or_none(target: targets.Target, path: str, data: bytes) -> Manifest | None:
    """Return the manifest in a file; None if it is damaged."""
    try:
        return load_from(target, path, data)
    except ManifestError as error:
        if error.is_newer:
            raise
        return None


def marked(data: bytes) -> bytes:
    """Return a manifest marked as incomplete, without parsing more of it than that."""
    try:
        document: Any = json.loads(data)
    except (ValueError, RecursionError):
        return data
    if not isinstance(document, dict) or document.get("complete") is not True:
        return data
    return json.dumps({**document, "complete": False}, indent=2).encode()


def stamped(manifest: Manifest) -> Manifest:
    return replace(manifest, updated=now(), software=software())


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")

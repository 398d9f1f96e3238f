"""Remove a sequence, or some of its frames, with the files that belong to it. Other files of the folder stay."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from seqsave import manifest, naming, targets
from seqsave.errors import ManifestError, SequenceNotFoundError, TargetError
from seqsave.manifest import Manifest, packs
from seqsave.manifest.claim import Claim
from seqsave.plugins import registry
from seqsave.sequences import finder, lookup, opening
from seqsave.sequences.belongings import (
    files_of,
    folders_of,
    list_sidecars,
    manifest_path,
    packs_of,
    path_of,
    preview_of,
    target_of,
    tidy_folders,
)
from seqsave.sequences.frame import Frame, list_folder
from seqsave.sequences.many import at_once, call
from seqsave.sequences.packed import drop
from seqsave.sequences.reader import FrameSequence
from seqsave.sequences.selection import check_indices
from seqsave.sequences.transfer import is_same, listed

__all__ = ["Removal", "Removed", "open_to_remove", "plan_removal", "remove"]


@dataclass(frozen=True, slots=True)
class Removal:
    """The plan of a removal.

    frames:   the files of the frames, by index; none for a sequence of which only the manifest is left.
    is_whole: they are all that the sequence has.
    folders:  below the target: its own, and those of its batches.
    sidecars: paths of the files with metadata beside them. previews: paths of its preview movies and its page.
    packs:    paths of the files with small pictures, if all of them are removed.
    manifest: its path; None where there is none. takes_manifest: it is removed too, as no other frames that it records
              exist; otherwise it stays, without these frames.
    before:   the files as they were listed. A frame that has changed since is not removed.
    """

    sequence: FrameSequence
    frames: Sequence[Frame]
    is_whole: bool
    folders: Sequence[str]
    sidecars: Sequence[str] = ()
    previews: Sequence[str] = ()
    packs: Sequence[str] = ()
    manifest: str | None = None
    takes_manifest: bool = False
    before: Mapping[str, targets.Entry] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Return the bytes of the frames."""
        return sum(frame.size or 0 for frame in self.frames)


@dataclass(frozen=True, slots=True)
class Removed:
    """The outcome of a removal: the frames that are gone, those that are left, and the first error, or None."""

    gone: Sequence[Frame]
    left: Sequence[Frame]
    error: TargetError | None = None


def open_to_remove(
    url: str | os.PathLike[str],
    prefix: str | None = None,
    filetype: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> FrameSequence:
    """Open the sequence at ``url`` to remove it whole: as ``open_alone``, or one of which only the manifest is left.

    The latter has no frames. Raises as ``open_alone``.
    """
    try:
        return opening.open_alone(url, prefix, filetype, storage_options)
    except SequenceNotFoundError as error:
        with targets.hiding(url):
            try:
                lost = _lost_at(url, prefix, filetype, storage_options)
            except TargetError as failure:
                if not isinstance(failure.__cause__, NotADirectoryError):
                    raise
                lost = None  # the first error says so
        if lost is None:
            raise error from error.__cause__
        return lost


def _lost_at(
    url: str | os.PathLike[str], prefix: str | None, filetype: str | None, options: Mapping[str, Any] | None
) -> FrameSequence | None:
    """Return the only sequence that fits of which no frame is left; None for none or several."""
    means = lookup.look(url, options) if lookup.is_pattern(url) else None
    found = finder.find(url, prefix=prefix, storage_options=options, with_lost=True)
    fitting = [one for one in found.lost if finder.has_prefix(one, prefix)]
    if isinstance(means, lookup.Pattern):
        path = manifest.path_of("", means.name)
        fitting = [one for one in fitting if manifest.path_of("", one.name) == path]
    if filetype is not None:
        extensions = registry.spec_of(filetype).extensions
        fitting = [one for one in fitting if one.name.extension.lower() in extensions]
    if len(fitting) != 1:
        return None
    target = targets.resolve(url, options) if means is None else means.target
    return FrameSequence(url=found.where, name=fitting[0].name, frames=(), target=target, folder=fitting[0].folder)


def plan_removal(sequence: FrameSequence, indices: Collection[int] | None = None) -> Removal:
    """Return the plan for removing a sequence, or its frames with these indices. Changes nothing.

    Raises SequenceNotFoundError for indices that it does not have; TargetError.
    """
    files = files_of(sequence)
    chosen = files if indices is None else [frame for frame in files if frame.index in indices]
    if indices is not None:
        check_indices(sequence, indices)
    target, is_whole = target_of(sequence), len(chosen) == len(files)
    paths = [path_of(sequence, frame) for frame in chosen] or _recorded(sequence)
    folders = sorted({*folders_of(sequence), *(path.rpartition("/")[0] for path in paths)})
    sidecars = list_sidecars(target, paths)
    path = manifest_path(sequence)
    has_manifest = call(target, lambda: target.exists(path))
    takes_manifest = has_manifest and is_whole and not _records_others(sequence, target, chosen)
    return Removal(
        sequence=sequence,
        frames=chosen,
        is_whole=is_whole,
        folders=folders,
        sidecars=[one.path for one in sidecars],
        previews=preview_of(sequence) if is_whole else (),
        manifest=path if has_manifest else None,
        takes_manifest=takes_manifest,
        packs=packs_of(sequence) if is_whole and takes_manifest == has_manifest else (),
        before=listed(target, set(folders)),
    )


def _recorded(sequence: FrameSequence) -> list[str]:
    """Return the paths of the frames that the manifest records. Raises ManifestError, TargetError."""
    known = sequence.manifest
    return [] if known is None else [naming.join(sequence.folder, frame.name) for frame in known.frames]


def remove(removal: Removal, on_frame: Callable[[Frame], None] = lambda _: None) -> Removed:
    """Remove the frames and the files that belong to them. Whatever happens, the manifest states which frames are left.

    on_frame: called with each frame that is removed.

    Raises TargetError if nothing could be removed, also where a run is writing the sequence; ManifestError.
    """
    sequence, target = removal.sequence, target_of(removal.sequence)
    claim = _claimed(removal, target)
    gone: list[Frame] = []
    error: TargetError | None = None
    try:
        changed = _changed(removal, target)
        kept = {frame.url for frame in changed}
        same = [frame for frame in removal.frames if frame.url not in kept]
        jobs = ((0, partial(_delete, target, path_of(sequence, frame))) for frame in same)
        for frame, _ in zip(same, at_once(target, jobs), strict=True):
            gone.append(frame)
            on_frame(frame)
        if changed:
            where = target.url_of(path_of(sequence, changed[0]))
            error = TargetError(f"{where} was changed since it was listed: it is left. Remove it again if it is to go")
    except TargetError as failure:
        error = failure
    except BaseException:
        # An interrupt: the manifest says what is gone by now.
        _leave(removal, target, claim, _account(removal, target, gone, None))
        raise
    result = _account(removal, target, gone, error)
    failure_to_leave = _leave(removal, target, claim, result)
    result = replace(result, error=result.error or failure_to_leave)
    if result.error is not None and not result.gone:
        raise result.error
    return _without_rest(removal, target, result)


def _claimed(removal: Removal, target: targets.Target) -> Claim | None:
    """Enter the manifest; None where there is none, or it is damaged."""
    if removal.manifest is None:
        return None
    try:
        known = removal.sequence.manifest
    except ManifestError as error:
        if error.is_newer:
            raise
        return None
    if known is None:
        return None
    claim = Claim(target, removal.manifest)
    claim.enter()
    return claim


def _changed(removal: Removal, target: targets.Target) -> list[Frame]:
    """Return the frames that were written again since they were listed, for example while a question was open."""
    now = listed(target, set(removal.folders))
    paths = [(frame, path_of(removal.sequence, frame)) for frame in removal.frames]
    return [frame for frame, path in paths if path in now and not is_same(removal.before.get(path), now[path])]


def _delete(target: targets.Target, path: str) -> None:
    call(target, lambda: target.delete(path))


def _account(removal: Removal, target: targets.Target, gone: Sequence[Frame], error: TargetError | None) -> Removed:
    """Return what a listing shows, or without one what was answered. A store that keeps a file is found out."""
    sequence = removal.sequence
    try:
        there = {
            naming.join(folder, entry.name)
            for folder in removal.folders
            for entry in list_folder(target, folder)
            if not entry.is_folder
        }
    except TargetError:
        known = {frame.url for frame in gone}
        left = [frame for frame in removal.frames if frame.url not in known]
        return Removed(gone, left, error)
    left = [frame for frame in removal.frames if path_of(sequence, frame) in there]
    gone = [frame for frame in removal.frames if path_of(sequence, frame) not in there]
    if left and error is None:
        where = target.url_of(path_of(sequence, left[0]))
        error = TargetError(f"cannot delete {where}: the storage reported success, and lists it all the same")
    return Removed(gone, left, error)


def _leave(removal: Removal, target: targets.Target, claim: Claim | None, result: Removed) -> TargetError | None:
    """Put what is left into the manifest; remove that of a sequence of which nothing is left. Returns its failure.

    A manifest that cannot be changed any more still names this process, so that it is not complete.
    """
    sequence, path = removal.sequence, removal.manifest
    is_over = removal.is_whole and not result.left
    names = _names_in_manifest(sequence, result.gone)

    def make(current: Manifest) -> Manifest | None:
        is_needed = not is_over or _has_others(sequence, target, current, names)
        return manifest.without_frames(current, names) if is_needed else None

    try:
        if claim is not None:
            claim.leave(make)
        elif path is not None and is_over:
            _delete(target, path)
        if path is not None and is_over and not call(target, lambda: target.exists(path)):
            target.tidy(path)
    except TargetError as error:
        return error
    return None


def _names_in_manifest(sequence: FrameSequence, frames: Sequence[Frame]) -> set[str]:
    """Return the names that a manifest has for frames: their paths below the sequence's folder."""
    head = f"{sequence.folder}/" if sequence.folder else ""
    return {path_of(sequence, frame).removeprefix(head) for frame in frames}


def _records_others(sequence: FrameSequence, target: targets.Target, frames: Sequence[Frame]) -> bool:
    """Return whether the manifest records other frames that exist. A damaged one records none."""
    try:
        current = sequence.manifest
    except ManifestError:
        return False
    return current is not None and _has_others(sequence, target, current, _names_in_manifest(sequence, frames))


def _has_others(sequence: FrameSequence, target: targets.Target, current: Manifest, names: Collection[str]) -> bool:
    """Return whether a manifest records frames with other names that exist: a pattern may match a part of them."""
    listing = manifest.list_frames(target, sequence.prefix, [frame.name for frame in current.frames])
    existing = (frame.name for frame in current.frames if listing is None or frame.name in listing)
    own = set(map(naming.normalized, names))
    return any(naming.normalized(name) not in own for name in existing)


def _without_rest(removal: Removal, target: targets.Target, result: Removed) -> Removed:
    """Delete the sidecars of the frames that are gone, and the preview of a sequence that is gone."""
    is_over = removal.is_whole and not result.left
    try:
        sidecars = removal.sidecars if not result.left else _of_gone(removal, target, result)
        paths = [*sidecars, *((*removal.previews, *removal.packs) if is_over else ())]
        for _ in at_once(target, ((0, partial(_delete, target, path)) for path in paths)):
            pass
        if result.gone and not (is_over and removal.packs):
            _drop_pictures(removal, target, result)
    except TargetError as error:
        return Removed(result.gone, result.left, result.error or error)
    if is_over:
        tidy_folders(removal.sequence, removal.folders)
    return result


def _drop_pictures(removal: Removal, target: targets.Target, result: Removed) -> None:
    """Remove the small pictures of frames that are gone."""
    sequence, gone = removal.sequence, {frame.url for frame in result.gone}
    try:
        known = sequence.manifest
    except ManifestError:
        known = None
    drop(
        target,
        packs.folder_of(manifest_path(sequence)),
        [(frame.index, frame.batch) for frame in result.gone],
        [(frame.index, frame.batch) for frame in sequence if frame.url not in gone],
        recorded=() if known is None else known.frames,
    )


def _of_gone(removal: Removal, target: targets.Target, result: Removed) -> list[str]:
    """Return the sidecars of the frames that are gone."""
    gone = [path_of(removal.sequence, frame) for frame in result.gone]
    return [one.path for one in list_sidecars(target, gone)]

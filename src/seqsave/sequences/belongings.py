"""Find the files that belong to a sequence beside its frames: sidecars, its preview, its manifest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seqsave import naming, targets
from seqsave.errors import FrameExistsError, TargetError
from seqsave.manifest import packs
from seqsave.pictures.codecs import EXTENSIONS
from seqsave.pictures.movie import is_ours
from seqsave.sequences.frame import Frame, list_folder
from seqsave.sequences.many import call
from seqsave.sequences.reader import FrameSequence
from seqsave.targets.spelling import spelled

__all__ = [
    "PAGE_EXTENSION",
    "PAGE_MARK",
    "Sidecar",
    "files_of",
    "folders_of",
    "list_sidecars",
    "manifest_path",
    "own_path",
    "packs_of",
    "path_of",
    "preview_of",
    "target_of",
    "tidy_folders",
]

PAGE_EXTENSION = "html"
PAGE_MARK = "seqsave page"
"""The name of the program that made a page, in its first lines."""

# The mark stands in the first bytes of a page.
_HEAD = 512
_CHECKSUM = re.compile(r"\.(?=[0-9a-f]{8}\..*\.json\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A file with metadata of a frame: its path below the target, and the path of the frame's file.

    ending: the part of its name behind that of the frame.
    """

    path: str
    owner: str
    ending: str


def target_of(sequence: FrameSequence) -> targets.Target:
    """Return the target in which a sequence was found."""
    assert sequence.target is not None  # noqa: S101 - only pictures without a sequence have none
    return sequence.target


def path_of(sequence: FrameSequence, frame: Frame) -> str:
    """Return the path of a frame's file below the sequence's target."""
    return naming.join(_folder_of(sequence, frame), frame.name)


def files_of(sequence: FrameSequence) -> list[Frame]:
    """Return all files of a sequence by index: its frames, and duplicates of their numbers."""
    return sorted((*sequence, *sequence.duplicates), key=lambda frame: (frame.index, frame.name))


def folders_of(sequence: FrameSequence) -> list[str]:
    """Return the folders of a sequence's frames, below the target: its own, and those of its batches."""
    return sorted({sequence.folder, *(_folder_of(sequence, frame) for frame in files_of(sequence))})


def manifest_path(sequence: FrameSequence) -> str:
    """Return the path of a sequence's manifest below the target. Raises TargetError for temporary failures."""
    return sequence.manifest_path


def list_sidecars(target: targets.Target, frames: Iterable[str]) -> list[Sidecar]:
    """Return the sidecars of frames. frames: the paths of their files. Raises TargetError."""
    names: dict[str, set[str]] = {}
    for path in frames:
        folder, _, name = path.rpartition("/")
        names.setdefault(folder, set()).add(name)
    found = []
    for folder, own in names.items():
        private = naming.join(folder, naming.PRIVATE_FOLDER)
        spelled = {naming.normalized(name): name for name in own}
        for entry in list_folder(target, private):
            owner = None if entry.is_folder else _owner(entry.name, spelled)
            if owner is not None:
                name, ending = owner
                found.append(Sidecar(f"{private}/{entry.name}", naming.join(folder, name), ending))
    return found


def packs_of(sequence: FrameSequence) -> list[str]:
    """Return the paths of the packs with the small pictures of a sequence's frames. Raises TargetError."""
    folder = packs.folder_of(manifest_path(sequence))
    return [f"{folder}/{name}" for name in packs.list_packs(target_of(sequence), folder)]


def preview_of(sequence: FrameSequence) -> list[str]:
    """Return the paths of a sequence's preview movies and of its page, in most cases none. Raises TargetError.

    Only a file with the mark of seqsave is one, so that the clip from which the frames come is not. The preview of
    another sequence with this prefix is not one either.
    """
    target, stem = target_of(sequence), naming.normalized(sequence.name.prefix) or "preview"
    entries = [one for one in list_folder(target, sequence.folder) if not one.is_folder]
    names = {f"{stem}.{extension}" for extension in (*EXTENSIONS, PAGE_EXTENSION)}
    movies = [naming.join(sequence.folder, one.name) for one in entries if naming.normalized(one.name) in names]
    if not movies:
        return []
    others = naming.group_names((one.name, one) for one in entries).groups
    if any(group.pattern.prefix == sequence.name.prefix and not _is_own(sequence, group.pattern) for group in others):
        return []
    return [path for path in movies if _is_preview(target, path)]


def own_path(target: targets.Target, path: str) -> str:
    """Return the path of a preview or page; that of the existing file, if its name has the other Unicode form.

    Raises FrameExistsError if a file of this name exists that seqsave did not make; TargetError.
    """
    path = call(target, lambda: spelled(target, path))
    try:
        is_other = call(target, lambda: target.exists(path)) and not _is_preview(target, path)
    except TargetError as error:
        if error.transient:
            raise
        return path  # a key that may only write cannot look
    if is_other:
        raise FrameExistsError(
            f"{target.url_of(path)} exists, and seqsave did not make it: it is not replaced. Choose another name"
        )
    return path


def tidy_folders(sequence: FrameSequence, folders: Iterable[str]) -> None:
    """Remove the folders of batches and of metadata that a sequence leaves empty. folders: as by ``folders_of``."""
    target = target_of(sequence)
    target.tidy(f"{packs.folder_of(manifest_path(sequence))}/any")
    for folder in folders:
        target.tidy(f"{naming.join(folder, naming.PRIVATE_FOLDER)}/any")
        if folder != sequence.folder:
            target.tidy(f"{folder}/any")


def _is_preview(target: targets.Target, path: str) -> bool:
    try:
        if path.endswith(f".{PAGE_EXTENSION}"):
            return PAGE_MARK.encode() in call(target, lambda: _head_of(target, path))
        return is_ours(call(target, lambda: target.read(path)))
    except TargetError as error:
        if error.transient:
            raise
        return False


def _head_of(target: targets.Target, path: str) -> bytes:
    with target.open_read(path) as file:
        return file.read(_HEAD)


def _is_own(sequence: FrameSequence, pattern: naming.NamePattern) -> bool:
    own = sequence.name
    return (pattern.head, pattern.ending.casefold()) == (naming.normalized(own.head), own.ending.casefold())


def _folder_of(sequence: FrameSequence, frame: Frame) -> str:
    return sequence.folder if frame.batch is None else naming.join(sequence.folder, naming.batch_folder(frame.batch))


def _owner(sidecar: str, names: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the file to which a sidecar belongs, and the rest of its name; None if it is not one of these.

    names: of files, by their composed form.
    """
    for at in _CHECKSUM.finditer(sidecar):
        name = names.get(naming.normalized(sidecar[: at.start()]))
        if name is not None:
            return name, sidecar[at.start() :]
    return None

"""Picture files as frames: read and decoded ahead on several threads, with what lies beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from seqsave import naming, targets
from seqsave.errors import WriterAbortedError
from seqsave.metadata import RawText
from seqsave.reader import Frame, FrameSequence
from seqsave.sources import files, pictures
from seqsave.sources.records import Keep, Source, SourceFrame

__all__ = ["source_of_files"]


def source_of_files(description: str, target: targets.Target, chosen: files.Chosen, keep: Keep | None) -> Source:
    """The source whose frames are ``chosen``."""
    frames = chosen.frames
    numbers = naming.format_ranges(naming.to_ranges(sorted({frame.index for frame in frames})), 10)
    count = f"{len(frames)} picture{'' if len(frames) == 1 else 's'}"
    notes = list(chosen.notes)
    return Source(
        description=f"{description}: {count}" + (f", numbered {numbers}" if chosen.numbered else ""),
        frames=_Reading(target, chosen, keep, notes).frames,
        total=len(frames),
        first=min(frame.index for frame in frames) if chosen.numbered else None,
        files=tuple((frame.url, frame.index if chosen.numbered else None, frame.batch) for frame in frames),
        extensions=frozenset(frame.name.rpartition(".")[2].lower() for frame in frames),
        notes=notes,
    )


@dataclass(slots=True)
class _Reading:
    target: targets.Target
    chosen: files.Chosen
    keep: Keep | None
    notes: list[str]
    told: set[str] = field(default_factory=set)

    def frames(self) -> Iterator[SourceFrame]:
        """Each frame in order. Raises SourceError and TargetError where one cannot be read."""
        sequence = FrameSequence(
            url=self.target.url, prefix="", extension="", digits=0, frames=self.chosen.frames, pattern=self.target.url
        )
        beside = self._sidecars()

        def load(frame: Frame, data: bytes) -> SourceFrame:
            texts = {
                key: RawText(files.read_file(self.target, path).decode())
                for key, path in beside.get(frame.url, {}).items()
            }
            return pictures.load_picture(frame, data, texts, self.keep, self.note)

        try:
            for loaded in sequence.decoded(load):
                yield loaded if self.chosen.numbered else replace(loaded, index=None)
        except WriterAbortedError as error:
            # This frame was given up because a later one, read ahead, failed first: that one is what is wrong.
            raise error.__cause__ or error from None

    def note(self, message: str) -> None:
        """Tell each kind of trouble once: of all files with the same one, the first is named."""
        kind = message.partition(" ")[2]
        if kind not in self.told:
            self.told.add(kind)
            self.notes.append(message)

    def _sidecars(self) -> Mapping[str, Mapping[str, str]]:
        """Frame URL to metadata name to path, for frames with metadata beside them; one listing for each folder."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        folders: dict[str, dict[str, Frame]] = defaultdict(dict)
        for frame, path in zip(self.chosen.frames, self.chosen.paths, strict=True):
            folders[path.rpartition("/")[0]][frame.name] = frame
        for folder, frames in folders.items():
            private = f"{folder}/{naming.PRIVATE_FOLDER}" if folder else naming.PRIVATE_FOLDER
            for entry in files.listing(self.target, private):
                for name in _heads(entry.name):
                    key = naming.sidecar_key(entry.name, name) if name in frames else None
                    if key is not None:
                        found[frames[name].url][key] = f"{private}/{entry.name}"
        return found


def _heads(name: str) -> list[str]:
    """Each part of ``name`` up to one of its dots: the frame that a sidecar belongs to is one of them."""
    return [name[:position] for position, character in enumerate(name) if character == "."]

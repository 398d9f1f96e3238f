"""Read picture files as frames, decoded ahead on several threads, with the metadata of their sidecar files."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace

from seqsave import naming, targets
from seqsave.errors import SourceError
from seqsave.metadata.text import RawText
from seqsave.sequences.frame import Frame
from seqsave.sequences.reader import FrameSequence
from seqsave.sources import files
from seqsave.sources.records import Keep, Reading, Source, SourceFrame
from seqsave.wording import counted

__all__ = ["source_of_files"]

_USUAL = Reading()


def source_of_files(description: str, target: targets.Target, chosen: files.Chosen, how: Reading = _USUAL) -> Source:
    """Return a source of the ``chosen`` frames."""
    frames = chosen.frames
    numbers = naming.format_ranges(naming.to_ranges(sorted({frame.index for frame in frames})), 10)
    count = counted(len(frames), "picture")
    notes = list(chosen.notes)

    def only(numbers: Container[int]) -> Source:
        """Return the source of some frames; those without a number in their names are numbered from 0."""
        some = tuple(frame for frame in frames if frame.index in numbers)
        mine = replace(chosen, frames=some, numbered=True)
        return source_of_files(description, target, mine, how)

    def keeping(keep: Keep | None, keep_going: bool) -> Source:
        return source_of_files(description, target, chosen, replace(how, keep=keep, keep_going=keep_going))

    if how.pages == "all" and any(frame.name.lower().endswith((".tif", ".tiff")) for frame in frames):
        return Source(
            description=f"{description}: {count}, every page of each",
            frames=_Frames(target, replace(chosen, numbered=False), how, notes).iterate_pages,
            files=tuple((frame.url, None, None) for frame in frames),
            extensions=frozenset(frame.name.rpartition(".")[2].lower() for frame in frames),
            notes=notes,
        )
    return Source(
        description=f"{description}: {count}" + (f", numbered {numbers}" if chosen.numbered else ""),
        frames=_Frames(target, chosen, how, notes).iterate,
        total=len(frames),
        first=min(frame.index for frame in frames) if chosen.numbered else None,
        files=tuple((frame.url, frame.index if chosen.numbered else None, frame.batch) for frame in frames),
        extensions=frozenset(frame.name.rpartition(".")[2].lower() for frame in frames),
        notes=notes,
        only=only,
        keeping=keeping,
        sequence=chosen.sequence,
    )


@dataclass(slots=True)
class _Frames:
    target: targets.Target
    chosen: files.Chosen
    how: Reading
    notes: list[str]
    noted: set[str] = field(default_factory=set)

    def iterate(self) -> Iterator[SourceFrame]:
        """Yield the frames in order. Raises SourceError and TargetError for a frame that cannot be read."""
        from seqsave.sources import pictures  # here, as a copy of the files does not read them as pictures

        sequence = FrameSequence(url=self.target.url, name=naming.NamePattern("", 0, "", ""), frames=self.chosen.frames)

        def load(frame: Frame, data: bytes) -> SourceFrame:
            texts = {key: RawText(text) for key, text in frame.texts_beside(data).items()}
            return pictures.load_picture(frame, data, texts, self.how, self.note)

        def lost(frame: Frame, error: BaseException) -> SourceFrame:
            if not self.how.keep_going or not isinstance(error, SourceError) or getattr(error, "transient", False):
                raise error
            return SourceFrame(index=frame.index, image=None, batch=frame.batch, error=error)

        for loaded in sequence.decoded(load, on_error=lost):
            yield loaded if self.chosen.numbered else replace(loaded, index=None)

    def iterate_pages(self) -> Iterator[SourceFrame]:
        """Yield every picture of each file in order. Raises as ``iterate``."""
        from seqsave.sequences.tiff_pages import pages_in
        from seqsave.sources import pictures

        for frame in self.chosen.frames:
            data = frame.read_bytes()
            texts = {key: RawText(text) for key, text in frame.texts_beside(data).items()}
            for page in pages_in(data):
                yield replace(pictures.load_picture(frame, page, texts, self.how, self.note), index=None)

    def note(self, message: str) -> None:
        """Note each kind of problem once, with the first file that has it."""
        kind = message.partition(" ")[2]
        if kind not in self.noted:
            self.noted.add(kind)
            self.notes.append(message)

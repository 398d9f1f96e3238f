"""From a picture to the bytes of its frame: array, metadata, what is lost on the way, and the encoder's work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from seqsave import naming
from seqsave.errors import EncodeError, ImageError, MetadataError, SeqSaveError
from seqsave.manifest import Picture
from seqsave.plugins import registry
from seqsave.sequences import reader
from seqsave.types import Encoded, FrameInfo
from seqsave.writer.numbering import Place
from seqsave.writer.pixels import Pixels, Taken

if TYPE_CHECKING:
    from seqsave.pictures.arrays import Prepared
    from seqsave.types import OptionValue
    from seqsave.writer.settings import EmbeddedMetadata

__all__ = ["Encoding", "Work", "checked_file"]

Warn = Callable[[str, Place, str], None]


@dataclass(frozen=True, slots=True)
class Work:
    """What is left to do for one picture, and how many bytes it holds meanwhile.

    picture: what will be in the file; None for a file that was encoded elsewhere.
    """

    encode: Callable[[], Encoded]
    cost: int
    picture: Picture | None
    recipe: str | None

    def look(self, name: str) -> Picture:
        """What is in the file, called ``name``; decoded, where that was encoded elsewhere."""
        if self.picture is not None:
            return self.picture
        height, width, channels = (array := reader.decode(name, bytes(self.encode().data)).array).shape
        return Picture(width=width, height=height, channels=channels, dtype=str(array.dtype))


class Encoding:
    """Makes the frames of one filetype. ``warn`` is told (kind, place, message)."""

    def __init__(
        self,
        resolved: registry.Resolved,
        rule: naming.NameRule,
        *,
        pixels: Pixels,
        options: Mapping[str, OptionValue | None],
        embedding: EmbeddedMetadata,
        start: int,
        total: int | None,
        warn: Warn,
    ) -> None:
        self._resolved = resolved
        self._rule = rule
        self._pixels = pixels
        self._options = options
        self._embedding = embedding
        self._start = start
        self._total = total
        self._warn = warn
        self._shape: tuple[int, ...] | None = None
        self._picture: Picture | None = None

    def prepare(
        self, take: Callable[[Pixels], Taken], own: Mapping[str, str], recipe: str | None, place: Place
    ) -> Work:
        """Accept a picture; ``take`` is its ``Pixels.take``. own: the frame's own metadata. Raises ImageError."""
        taken = take(self._pixels)
        self._note_shape(place, taken)
        info = FrameInfo(
            index=place.index,
            batch=place.batch,
            prefix=self._rule.prefix,
            filetype=self._resolved.filetype,
            name=place.name,
            total=self._total,
            rate=self._embedding.exact_rate,
            color=self._pixels.color,
            dpi=self._embedding.dpi,
            tags=self._embedding.stated_tags,
        )
        if not self._pixels.converts:
            self._tell_losses(place, taken.prepare())
        inside, beside = self._placed(own, place)
        encode = partial(self._encode, place, taken, inside, beside, info)
        return Work(encode, taken.held, self._picture_of(taken), recipe)

    def _placed(self, own: Mapping[str, str], place: Place) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Which metadata goes into this frame's file, and which beside it."""
        where, texts = self._embedding.metadata_in, self._embedding.texts
        if where == "none":
            return {}, {}
        shared = texts if where == "each frame" or place.index == self._start else {}
        all_texts = {**shared, **own} if own else shared
        if where == "sidecar":
            return {}, all_texts
        return (all_texts if self._resolved.embed else {}), {}

    def _picture_of(self, taken: Taken) -> Picture:
        height, width, channels = taken.shape
        picture = Picture(width=width, height=height, channels=channels, dtype=taken.dtype)
        if picture != self._picture:
            self._picture = picture
        return self._picture or picture  # one object for all frames that are alike

    def _encode(
        self, place: Place, taken: Taken, inside: Mapping[str, str], beside: Mapping[str, str], info: FrameInfo
    ) -> Encoded:
        """Runs on an encoding thread."""
        try:
            prepared = taken.prepare()
            if self._pixels.converts:
                self._tell_losses(place, prepared)
            encoder = self._resolved.encoder
            encoded = _checked(encoder.encode(prepared.array, metadata=inside, options=self._options, info=info))
        except SeqSaveError as error:
            raise type(error)(f"frame {info.index}: {error}") from error
        except (Exception, SystemExit) as error:
            problem = f"{type(error).__name__}: {error}"
            raise EncodeError(f"frame {info.index}: the encoder of {info.filetype!r} failed: {problem}") from error
        for message in encoded.warnings:
            self._warn(message, place, message)
        if encoded.leftover:
            names = ", ".join(map(repr, encoded.leftover))
            text = f"metadata that does not fit into the file is kept beside it in {naming.PRIVATE_FOLDER}/: {names}"
            self._warn("sidecar", place, text)
        return replace(encoded, leftover={**beside, **encoded.leftover}) if beside else encoded

    def _note_shape(self, place: Place, taken: Taken) -> None:
        height, width = taken.shape[:2]
        if self._shape is None:
            self._shape = (height, width)
        elif self._shape != (height, width):
            first = f"{self._shape[1]}x{self._shape[0]}"
            self._warn("size", place, f"is {width}x{height}, the frames before are {first}")

    def _tell_losses(self, place: Place, prepared: Prepared) -> None:
        if prepared.clipped:
            self._warn("clipped", place, "values outside 0..1 were clipped")
        if prepared.nan:
            self._warn("nan", place, "NaN became 0")
        if prepared.infinite:
            self._warn("infinite", place, "numbers beyond what the narrower floats hold became infinite")
        if prepared.alpha_dropped:
            self._warn("alpha", place, f"{self._resolved.extension} files have no alpha: it was dropped")


def checked_file(data: Any, leftover: Any) -> Encoded:
    """What the caller says is an encoded file. Raises ImageError, MetadataError."""
    problem = _problem_of(Encoded(data=data, leftover={} if leftover is None else leftover))
    if problem is None:
        return Encoded(data=data, leftover=leftover or {})
    kind = MetadataError if "leftover" in problem else ImageError
    raise kind(f"this is no encoded file: its {problem}")


def _checked(encoded: Any) -> Encoded:
    """What a plugin's encoder returned, if it is what an encoder returns."""
    if not isinstance(encoded, Encoded):
        raise TypeError(f"it returned {type(encoded).__name__} and not seqsave.Encoded")
    problem = _problem_of(encoded)
    if problem is not None:
        raise TypeError(f"its {problem}")
    return encoded


def _problem_of(encoded: Encoded) -> str | None:
    """Why it cannot be published."""
    if not isinstance(encoded.data, bytes | bytearray | memoryview):
        return f"data is {type(encoded.data).__name__} and not bytes"
    if not memoryview(encoded.data).nbytes:
        return "data is empty"
    leftover: Any = encoded.leftover
    is_text = isinstance(leftover, Mapping) and all(isinstance(text, str) for pair in leftover.items() for text in pair)
    if not is_text:
        return "leftover metadata is not text"
    return None

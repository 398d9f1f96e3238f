"""The frozen records that travel between the layers, and the protocol of an encoder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    ImageArray = npt.NDArray[np.generic]

__all__ = [
    "ColorSpace",
    "Decoded",
    "Encoded",
    "Encoder",
    "EncoderSpec",
    "Event",
    "FailedFrame",
    "FrameInfo",
    "ObserverSpec",
    "Option",
    "OptionValue",
    "SaveResult",
    "SavedFrame",
    "Status",
    "TargetSpec",
    "Traits",
]

OptionValue = bool | int | float | str
Status = Literal["saved", "skipped", "stopped", "spooled"]
EventKind = Literal[
    "accepted", "encoded", "saved", "skipped", "stopped", "spooled", "retry", "warning", "failed", "closed"
]

EMBED_SUFFIX = " with embedded workflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One encoder option, declared so that it can be checked early and shown by the command and the node.

    ``type`` is ``bool``, ``int``, ``float`` or ``str``. ``min`` and ``max`` are inclusive. ``default`` is of that
    type, or None for "the encoder decides".
    """

    type: type[bool] | type[int] | type[float] | type[str]
    default: OptionValue | None = None
    choices: tuple[OptionValue, ...] | None = None
    min: float | None = None
    max: float | None = None
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSpec:
    """What an encoder is called and what it takes, without importing any of its code.

    filetype:     what the user picks, ``"exr"``. With ``metadata="embed"`` there also is the variant
                  ``"exr with embedded workflow"``, and only that one embeds metadata.
    extensions:   without dots; the first one is written, all are read.
    encoder:      ``"package.module:Class"``, imported at first use and called without arguments.
    dtypes:       numpy names of what ``encode`` takes, preferred first. Floats are 0..1 by convention.
    channels:     how many channels ``encode`` takes (last axis of H,W,C); 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA.
    options:      by name; checked before anything is written.
    metadata:     ``"embed"`` when the container can hold text.
    content_type: the MIME type that is set on stores which keep one.
    lossless:     whether decoded pixels equal the encoded ones with default options.
    install_hint: the command that installs a missing backend.
    """

    filetype: str
    extensions: tuple[str, ...]
    encoder: str
    dtypes: tuple[str, ...]
    channels: tuple[int, ...] = (1, 3, 4)
    options: Mapping[str, Option] = field(default_factory=dict)
    metadata: Literal["embed", "none"] = "none"
    content_type: str = "application/octet-stream"
    lossless: bool = True
    install_hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """How seqsave treats a filesystem of fsspec's: what its ``pipe_file``, ``mv`` and ``ls`` can be relied on for.

    Of a filesystem without traits nothing good is assumed: ``create`` is refused, and threads take turns.

    publish:  ``"put"``: one ``pipe_file`` publishes a whole file, which appears under its name complete or not at all.
              ``"move"``: a temporary file beside it, then ``mv``. ``"plain"``: one ``pipe_file``, which a reader may
              see unfinished.
    create:   ``pipe_file(path, data, mode="create")`` raises FileExistsError where the path is taken, decided by the
              store in the same request. seqsave tries this on a small file before it relies on it.
    folders:  it has real folders, which seqsave makes when a write finds none.
    own_top:  the first part of a path is a container (a bucket, a share) that seqsave never makes.
    threads:  ``"shared"``: one instance serves all threads at the same time. ``"each"``: one instance for each thread.
              ``"turns"``: one instance, one thread at a time.
    retries:  its client tries failed requests again by itself, and that cannot be switched off: its failures are
              reported as final, so that attempts do not multiply.
    keywords: ``"package.module:function"``, called with a content type and a size in bytes; returns the keyword
              arguments that ``pipe_file`` gets for them. None: it gets none.
    move:     ``"package.module:function"``, called with the filesystem, an old and a new path; renames the file, over
              an existing one too. None: ``mv`` does it.
    refused:  characters that its driver takes for something else than a part of a name.
    """

    publish: Literal["put", "move", "plain"]
    create: bool = False
    folders: bool = True
    own_top: bool = False
    threads: Literal["shared", "each", "turns"] = "turns"
    retries: bool = False
    keywords: str | None = None
    move: str | None = None
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSpec:
    """Which URLs a storage serves and how, without importing any of its code. Either ``target`` or ``traits`` is set.

    protocols:    what stands before ``://``, such as ``("shelf",)``; lower case.
    target:       ``"package.module:Class"``, a subclass of ``seqsave.targets.Target``, imported at first use.
    traits:       how to treat the filesystem that fsspec knows under these protocols.
    options:      storage options that are checked before anything is opened. Others are passed on unchecked.
    install_hint: the command that installs a missing backend.
    """

    protocols: tuple[str, ...]
    target: str | None = None
    traits: Traits | None = None
    options: Mapping[str, Option] = field(default_factory=dict)
    install_hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverSpec:
    """What observes every writer of this process, without importing any of its code.

    name:         for messages and ``seqsave plugins``, such as ``"farm-database"``.
    observer:     ``"package.module:function"``, called with each ``Event``; or ``"package.module:Class"``, of which one
                  instance is made for each writer, without arguments, and called with each ``Event`` of that writer.
    install_hint: the command that installs a missing backend.
    """

    name: str
    observer: str
    install_hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorSpace:
    """What pixel values mean. ``seqsave.pictures.color`` has those that can be named.

    primaries: CIE 1931 x and y of red, green, blue and white.
    transfer:  how values stand for light: ``"linear"`` is proportional to it (1.0 is diffuse white), ``"pq"`` and
               ``"hlg"`` are those of ITU-R BT.2100, ``"bt709"`` that of BT.709, ``"srgb"`` that of IEC 61966-2-1.
    cicp:      the numbers of primaries and transfer in ITU-T H.273; None when it has none for these.
    """

    name: str
    primaries: tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]
    transfer: Literal["linear", "srgb", "bt709", "pq", "hlg"]
    cicp: tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameInfo:
    """Which frame an encoder is looking at. ``rate`` is in frames per second, where known.

    color: what the values mean, as the caller stated it; None when nothing was stated: then no tag may say anything.
    dpi:   pixels per inch, for containers that note it; None when nothing was stated.
    tags:  what ``seqsave.metadata.xmp`` checked: artist, copyright, description, software, digital_source_type.
    """

    index: int
    batch: int | None = None
    prefix: str = "frame"
    filetype: str = "png"
    name: str = ""
    total: int | None = None
    rate: Fraction | None = None
    color: ColorSpace | None = None
    dpi: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One file's bytes.

    leftover: metadata (name to text) that the container could not hold; the writer keeps it as sidecar files.
    warnings: one-line messages for the user, told once per sequence.
    """

    data: bytes | bytearray | memoryview
    leftover: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A picture read back: ``array`` is H,W,C, ``metadata`` maps names to text exactly as the file has it."""

    array: ImageArray
    metadata: Mapping[str, str] = field(default_factory=dict)


class Encoder(Protocol):
    """Array in, bytes out. Re-entrant, opens no files, never changes its input.

    ``decode`` is optional: a format that cannot be read back leaves it out.
    """

    def encode(
        self,
        image: ImageArray,
        *,
        metadata: Mapping[str, str],
        options: Mapping[str, Any],
        info: FrameInfo,
    ) -> Encoded:
        """Encode one C-contiguous array of shape H,W,C, in a dtype and channel count that the spec declares.

        ``metadata`` is name to text (JSON), empty unless the filetype embeds it. ``options`` holds every declared
        option, checked, with defaults filled in.
        """
        ...

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        """Decode one file. Raises DecodeError on unsound data and on more than ``max_pixels`` pixels (W x H)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFrame:
    """What became of one frame.

    url:      where it lies (no secrets in it); also set for a skipped or stopped frame: where it would lie; and for a
              spooled one: where it will.
    size:     bytes written (to the storage, or to the spool), 0 when nothing was.
    checksum: algorithm and value, ``"crc32:9ae0daaf"``; None when nothing was written.
    etag:     what the store answered, where it has such a thing.
    """

    index: int
    batch: int | None
    url: str
    size: int
    checksum: str | None
    etag: str | None
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedFrame:
    """A frame that was accepted but is not saved, and why: ``error`` as text, ``exception`` as it was raised."""

    index: int
    batch: int | None
    url: str
    error: str
    exception: BaseException | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveResult:
    """What a writer did: ``frames`` in the order in which they were written, ``failures`` likewise."""

    url: str
    frames: tuple[SavedFrame, ...]
    failures: tuple[FailedFrame, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Number of frames by status: saved, skipped, stopped, spooled, failed. All five keys are always there."""
        counted = Counter[str](frame.status for frame in self.frames)
        names = ("saved", "skipped", "stopped", "spooled")
        return {name: counted[name] for name in names} | {"failed": len(self.failures)}

    @property
    def urls(self) -> tuple[str, ...]:
        """URLs of the frames that are there now: saved or skipped."""
        return tuple(frame.url for frame in self.frames if frame.status in ("saved", "skipped"))

    @property
    def size(self) -> int:
        """Bytes written to the storage."""
        return sum(frame.size for frame in self.frames if frame.status != "spooled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened while saving; given to ``on_event`` on the caller's thread.

    kind:     what happened. ``index``, ``batch`` and ``url`` name the frame, where it concerns one.
    message:  for people: the warning, the error, why a retry is waiting.
    size:     encoded bytes of this frame (encoded, saved).
    accepted, done, bytes_done: running totals. ``total`` is the expected number of frames, where known.
    encoding, publishing: how many frames wait for, or are in, each stage at this moment.
    seconds:  since the writer was opened.
    """

    kind: EventKind
    index: int | None = None
    batch: int | None = None
    url: str | None = None
    message: str = ""
    size: int = 0
    accepted: int = 0
    done: int = 0
    bytes_done: int = 0
    total: int | None = None
    encoding: int = 0
    publishing: int = 0
    seconds: float = 0.0

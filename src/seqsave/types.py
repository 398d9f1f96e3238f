"""The frozen records that the layers exchange, and the protocol of an encoder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    ImageArray = npt.NDArray[np.generic]

__all__ = [
    "ColorSpace",
    "Decoded",
    "Encoded",
    "Encoder",
    "Event",
    "FailedFrame",
    "FrameInfo",
    "ImageInfo",
    "SaveResult",
    "SavedFrame",
    "Status",
]

Status = Literal["saved", "skipped", "stopped", "spooled"]
EventKind = Literal[
    "accepted", "encoded", "saved", "skipped", "stopped", "spooled", "retry", "warning", "failed", "closed"
]

EMBED_SUFFIX = " with embedded workflow"
# W x H of the largest picture that is decoded: 16K x 16K. Larger ones are more likely an attack than a frame.
MAX_PIXELS = 2**28


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorSpace:
    """A colour space: the meaning of pixel values. ``seqsave.COLOR_SPACES`` contains those that have a name.

    primaries: CIE 1931 x and y of red, green, blue and white.
    transfer:  how values encode light: ``"linear"`` is proportional to light (1.0 is diffuse white), ``"pq"`` and
               ``"hlg"`` are those of ITU-R BT.2100, ``"bt709"`` that of BT.709, ``"srgb"`` that of IEC 61966-2-1.
    cicp:      the numbers of primaries and transfer in ITU-T H.273; None if it has none.
    """

    name: str
    primaries: tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]
    transfer: Literal["linear", "srgb", "bt709", "pq", "hlg"]
    cicp: tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """Everything that a file states of its picture. Fields that are None or empty are not stated.

    A decoder fills the record, the writer passes it on, and an encoder writes the fields that its spec declares in
    ``holds``. The writer warns of each of the others once per sequence.

    color:        the colour space, if it is one of ``seqsave.COLOR_SPACES``.
    icc:          the ICC profile, unchanged, if it is not that of ``color``.
    cicp:         the numbers of primaries and transfer in ITU-T H.273, if they are not those of ``color``.
    gamma:        the exponent of PNG's gAMA chunk, such as 0.45455, if ``color`` does not say the same.
    primaries:    CIE 1931 x and y of red, green, blue and white, if ``color`` does not say the same.
    alpha:        ``"straight"``, or ``"associated"`` if colours are multiplied by alpha.
    channels:     the names of the channels, in the order of the array's last axis, such as ``diffuse.R``.
    layer:        the name of the layer of the channels without one, as an EXR file's first part has it.
    origin:       x and y of the array's first pixel in the coordinates of ``display``.
    display:      left, top, width and height of the whole picture in pixels, if the array is another window.
    pixel_aspect: width of a pixel divided by its height.
    dpi:          pixels per inch.
    rate:         frames per second.
    light:        the brightness of the content and of the display on which it was made, by the names in
                  ``seqsave.metadata.light``.
    tags:         texts by name: artist, copyright, description, software, digital_source_type.
    exif:         further Exif tags, of camera, place and time: a block from its byte order on.
    xmp:          the XMP packet, if it states more than ``tags``.
    iptc:         the records of IPTC's older standard (IIM), as Photoshop and agencies write them into JPEG and TIFF.
    texts:        comments and other texts in the file that are not metadata, by the file's own names.
    attributes:   further facts by the format's own names; ``attributes_of`` names the format that understands them.
                  Names with a dot first are about storage, and not reported; ``dtype`` replaces those in ``.types``.
    """

    color: ColorSpace | None = None
    icc: bytes | None = field(default=None, repr=False)
    cicp: tuple[int, int] | None = None
    gamma: float | None = None
    primaries: tuple[tuple[float, float], ...] | None = None
    alpha: Literal["straight", "associated"] | None = None
    channels: tuple[str, ...] = ()
    layer: str | None = None
    origin: tuple[int, int] | None = None
    display: tuple[int, int, int, int] | None = None
    pixel_aspect: float | None = None
    dpi: float | None = None
    rate: Fraction | None = None
    light: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    exif: bytes | None = field(default=None, repr=False)
    xmp: bytes | None = field(default=None, repr=False)
    iptc: bytes | None = field(default=None, repr=False)
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    attributes_of: str = ""

    def __repr__(self) -> str:
        return f"ImageInfo({', '.join(f'{name}={getattr(self, name)!r:.60}' for name in self.stated)})"

    @property
    def stated(self) -> tuple[str, ...]:
        """Return the names of the fields that state something."""
        named = (one.name for one in fields(self) if one.name != "attributes_of")
        return tuple(name for name in named if getattr(self, name) not in (None, (), "", {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameInfo:
    """Facts about the frame that an encoder encodes. Fields that are None are unknown and must not be written.

    index, batch: the frame's numbers; ``batch`` is None outside of batch folders.
    prefix, name: the first part of the file's name, and the whole name.
    filetype: the base file type, without "with embedded workflow".
    total, rate: the expected number of frames, and frames per second.
    color: the colour space of the values in the array.
    dpi:   pixels per inch.
    tags:  texts by name, checked: artist, copyright, description, software, digital_source_type.
    image: what the source's file states; ``rate``, ``color``, ``dpi``, ``tags`` include it where the caller gave none.
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
    image: ImageInfo = ImageInfo()


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """The bytes of one encoded file.

    data:     the complete file, not empty.
    leftover: metadata (name to text) that the file cannot hold; the writer saves it in sidecar files.
    warnings: one-line messages for the user, each shown once per sequence.
    """

    data: bytes | bytearray | memoryview = field(repr=False)
    leftover: Mapping[str, str] = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A decoded picture.

    array:    the pixels, of shape H,W,C, in the dtype of the file.
    metadata: the texts in the file, by name.
    canvas:   width and height of the whole picture if the pixels are a window into it (EXR's data window); else None.
    info:     everything else that the file states of the picture, beside the metadata.
    """

    array: ImageArray = field(repr=False)
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    canvas: tuple[int, int] | None = None
    info: ImageInfo = ImageInfo()


class Encoder(Protocol):
    """The protocol of an encoder: thread-safe, opens no files, never changes its input. ``decode`` is optional."""

    def encode(
        self,
        image: ImageArray,
        *,
        metadata: Mapping[str, str],
        options: Mapping[str, Any],
        info: FrameInfo,
    ) -> Encoded:
        """Encode one C-contiguous array of shape H,W,C, in a dtype and number of channels that the spec declares.

        metadata: text (JSON) by name; empty unless the file type embeds it.
        options:  every declared option, checked; the default if not set.

        Raises ImageError for a picture that the format cannot hold, and EncodeError if encoding fails.
        """
        ...

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        """Decode one file.

        Raises DecodeError for damaged data; with ``reason="unsupported"`` for a file that may be sound, but that this
        decoder cannot read; with ``reason="too large"`` for more than ``max_pixels`` pixels (W x H).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFrame:
    """The outcome of one frame.

    index, batch: the frame's numbers; ``batch`` is None outside of batch folders.
    status:   ``"saved"``, ``"skipped"`` (it existed), ``"stopped"`` (after the end), ``"spooled"`` (in the spool).
    filetype: as the user named it; with several file types, a frame has one record for each.
    url:      URL of the frame, without secrets; of a stopped or spooled frame, the URL that it would have or will have.
    size:     bytes written (to the storage, or to the spool); 0 if nothing was written.
    checksum: algorithm and value, ``"crc32:9ae0daaf"``; None if nothing was written.
    etag:     ETag in the store's answer; None for storages without ETags.
    """

    index: int
    batch: int | None
    filetype: str
    url: str
    size: int
    checksum: str | None
    etag: str | None
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedFrame:
    """A frame that was accepted and is not saved.

    index, batch: the frame's numbers; ``batch`` is None outside of batch folders.
    filetype:  as the user named it.
    url:       URL that the frame would have, without secrets.
    error:     the error's text.
    exception: the error; None in results that were read from elsewhere.
    """

    index: int
    batch: int | None
    filetype: str
    url: str
    error: str
    exception: BaseException | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveResult:
    """The result of a writer.

    url:      URL of the target, without secrets; an absolute path for a local folder.
    frames:   frames that are saved, skipped, stopped or spooled, in the order of their ``write`` calls.
    failures: accepted frames that are not saved, in the same order.
    warnings: one line for each kind of loss or deviation, with the first frame concerned.
    thumbnails: shows some of the frames in a notebook; None elsewhere.
    """

    url: str
    frames: tuple[SavedFrame, ...]
    failures: tuple[FailedFrame, ...] = ()
    warnings: tuple[str, ...] = ()
    thumbnails: Any = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in self.counts.items() if count) or "no frames"
        return f"<SaveResult {counts} in {self.url}>"

    def _repr_html_(self) -> str:
        import html

        lines = [repr(self), *(f"frame {one.index}: {one.error}" for one in self.failures[:1]), *self.warnings]
        shown = "" if self.thumbnails is None else f"<br>{self.thumbnails._repr_html_()}"
        return "<br>".join(map(html.escape, lines)) + shown

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of frames by status, always of all: saved, skipped, stopped, spooled and failed."""
        counted = Counter[str](frame.status for frame in self.frames)
        return {name: counted[name] for name in get_args(Status)} | {"failed": len(self.failures)}

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the URLs of the frames that are saved or skipped."""
        return tuple(frame.url for frame in self.frames if frame.status in ("saved", "skipped"))

    @property
    def size(self) -> int:
        """Return the number of bytes written to the storage."""
        return sum(frame.size for frame in self.frames if frame.status != "spooled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event of a writer, passed to ``on_event``.

    kind:     the kind of event. ``index``, ``batch`` and ``url`` name its frame; None if it concerns no single frame.
    message:  text for people: the warning, the error, the reason for a retry.
    size:     bytes of the encoded frame (kinds ``encoded`` and ``saved``).
    accepted, done, bytes_done: running totals. ``total`` is the expected number of frames, or None.
    encoding, publishing: number of frames in or before each stage at this moment.
    seconds:  time since the writer was opened.
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

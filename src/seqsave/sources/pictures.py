"""Convert the bytes of a picture file to a frame: passed on unchanged if requested and safe, otherwise decoded."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from seqsave.errors import DecodeError, SourceError, SourceReason
from seqsave.metadata.stated import beyond_attributes
from seqsave.metadata.text import RawText
from seqsave.plugins import registry
from seqsave.runtime.threads import ForkSafeLock
from seqsave.sequences.fallback import bits_per_sample, in_srgb, stated_by_pillow
from seqsave.sequences.frame import Frame
from seqsave.sequences.tiff_pages import first_of
from seqsave.sources.records import Reading, Source, SourceFrame
from seqsave.sources.timing import Timed, at_rate
from seqsave.types import Decoded
from seqsave.wording import counted

if TYPE_CHECKING:
    from PIL.Image import Image

    from seqsave.specs import EncoderSpec

__all__ = ["is_picture", "load_picture", "open_animation"]

# Pillow's names of a JPEG with further pictures (for 3D, or a preview), and of an animated PNG.
_MIME = {"image/mpo": "image/jpeg", "image/apng": "image/png"}

Note = Callable[[str], None]

# Pillow's limit is one for all threads.
_opening = ForkSafeLock()


def load_picture(frame: Frame, data: bytes, beside: Mapping[str, RawText], how: Reading, note: Note) -> SourceFrame:
    """Return the frame of the file ``data``. ``beside`` is metadata from sidecar files.

    Raises SourceError if it is not a picture, or truncated.
    """
    if how.pages == "first":
        data = first_of(data)
    header, keep = _look(data), how.keep
    extension = frame.name.rpartition(".")[2].lower()
    spec = registry.spec_for_extension(extension)
    if header is not None and spec is not None and header.mime != spec.content_type:
        note(f"{frame.name} contains {header.mime}, in spite of its name")
        spec = None
    common: dict[str, Any] = {"index": frame.index, "batch": frame.batch, "extension": extension}
    kept = keep is not None and spec is not None and spec.content_type == keep.spec.content_type
    bare = keep is not None and keep.bare
    if kept and not bare and header is not None:
        _prove(frame, data, header)
        return SourceFrame(image=None, data=data, metadata=beside, size=header.size, **common)
    try:
        decoded = _decode(frame, data, spec, header, note, how.max_pixels)
    except SourceError as error:
        # A sound file of the wanted format is passed on, whether or not it can be decoded here.
        if not kept or getattr(error.__cause__, "reason", None) != "unsupported":
            raise
        note(f"{frame.name} is copied as it is, with the metadata that it may hold: {error.__cause__}")
        return SourceFrame(image=None, data=data, metadata=beside, **common)
    image = decoded.array
    formats = () if keep is None else (keep.spec.filetype,)
    found = beyond_attributes(decoded.metadata, decoded.info, formats) if formats else decoded.metadata
    texts = {name: RawText(text) for name, text in found.items()}
    size = (image.shape[1], image.shape[0])
    if header is not None and header.animated and not (kept and not (bare and texts)):
        note(f"{frame.name} contains several pictures: only the first one is read")
    if kept and not (bare and texts):
        return SourceFrame(image=None, data=data, metadata=beside, size=size, **common)
    return SourceFrame(image=image, metadata={**beside, **texts}, size=size, info=decoded.info, **common)


@dataclass(frozen=True, slots=True)
class _Header:
    mime: str
    size: tuple[int, int]
    animated: bool


def _look(data: bytes) -> _Header | None:
    """Return Pillow's header of a picture; None for an unknown format or a damaged file."""
    try:
        with _open(data) as image:
            mime = image.get_format_mimetype() or ""
            animated = bool(getattr(image, "is_animated", False)) and mime != "image/mpo"
            return _Header(_MIME.get(mime, mime), image.size, animated)
    except Exception:  # noqa: BLE001 - Pillow's parsers raise any error for foreign bytes
        return None


def _open(data: bytes) -> Image:
    """Open a picture of any size: the limit is ``max_pixels``, and not Pillow's own, which a caller cannot choose."""
    from PIL import Image

    with _opening:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(io.BytesIO(data))
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _check_size(header: _Header, url: str, max_pixels: int) -> None:
    width, height = header.size
    if width * height > max_pixels:
        size = f"this picture has {width} x {height} pixels, more than the allowed {max_pixels}"
        cause = DecodeError(f"{size}: raise max_pixels to decode it", reason="too large", pixels=width * height)
        raise SourceError(f"{url} cannot be read: {cause}") from cause


def _prove(frame: Frame, data: bytes, header: _Header) -> None:
    """Raise SourceError if the file is truncated or damaged, as far as this can be found without decoding it."""
    try:
        with _open(data) as image:
            image.verify()  # the checksums of a PNG; little for other formats
    except Exception as error:
        raise SourceError(f"{frame.url} is damaged: {error}", reason="damaged") from error
    # ITU T.81 B.1.1.3: End Of Image. Some cameras append a few bytes.
    if header.mime == "image/jpeg" and b"\xff\xd9" not in data[-4096:]:
        raise SourceError(f"{frame.url} is damaged: it ends before its picture does", reason="damaged")


def _decode(
    frame: Frame, data: bytes, spec: EncoderSpec | None, header: _Header | None, note: Note, max_pixels: int
) -> Decoded:
    if spec is not None and hasattr(registry.encoder_of(spec), "decode"):
        try:
            return frame.decode(data, max_pixels=max_pixels)
        except DecodeError as error:
            reason: SourceReason = "damaged" if error.reason == "damaged" else "unsuitable"
            raise SourceError(f"{frame.url} cannot be read: {error}", reason=reason) from error
    if header is None:
        raise SourceError(f"{frame.url} is not a picture that can be read", reason="damaged")
    _check_size(header, frame.url, max_pixels)
    return _by_pillow(frame, data, note)


def _by_pillow(frame: Frame, data: bytes, note: Note) -> Decoded:
    from PIL import ImageOps

    from seqsave.pictures import arrays

    try:
        with _open(data) as image:
            bits = bits_per_sample(image)
            if bits > 8 and image.mode in ("RGB", "RGBA"):
                note(f"{frame.name} has {bits} bits per channel; it is read with 8")
            # Pillow turns some formats while it loads them, and then no longer reports an orientation.
            image.load()
            info = stated_by_pillow(image, data)
            picture, info = in_srgb(ImageOps.exif_transpose(image), info)
            return Decoded(array=arrays.as_array(picture), info=info)
    except Exception as error:
        raise SourceError(f"{frame.url} cannot be read: {error}", reason="damaged") from error


def is_picture(data: bytes) -> bool:
    """Return True if these bytes are a picture that can be read without its name."""
    return _look(data) is not None


def open_animation(url: str, data: bytes, how: Reading) -> Source | None:
    """Return the pictures of an animated GIF, PNG, WebP or AVIF as frames; None for a single picture."""
    header = _look(data)
    if header is None or not header.animated:
        return None
    _check_size(header, url, how.max_pixels)
    with _open(data) as image:
        image.load()
        total: int = image.n_frames
        duration = image.info.get("duration")
    notes: list[str] = []

    def frames() -> Iterator[SourceFrame]:
        if how.resample is None:
            return (frame for frame, _ in timed())
        return at_rate(timed(), how.resample)

    def timed() -> Iterator[tuple[SourceFrame, Timed]]:
        from seqsave.pictures import arrays

        spans: set[float] = set()
        start = Fraction()
        with _open(data) as image:
            info = stated_by_pillow(image, data)
            for number in range(total):
                try:
                    image.seek(number)
                    # Pillow draws later pictures over earlier ones, on a canvas in one of these modes.
                    array = arrays.as_array(image.convert("RGBA" if image.has_transparency_data else "RGB"))
                    spans.add(image.info.get("duration") or 0)
                except Exception as error:
                    message = f"{url} cannot be read after {counted(number, 'picture')}: {error}"
                    raise SourceError(message, reason="damaged") from error
                end = start + Fraction(image.info.get("duration") or 0) / 1000
                yield SourceFrame(index=None, image=array, size=image.size, info=info), Timed(start, end)
                start = end
        note = _variable(spans)
        if note and note not in notes and how.resample is None:
            notes.append(note)

    size = f"{header.size[0]}x{header.size[1]}"
    # Milliseconds of the first picture, although each may have its own duration.
    rate = Fraction(1000, round(duration)) if duration and round(duration) > 0 else None
    text, about = f"{url}: animation, {size}, {counted(total, 'picture')}", how.resample is not None
    if how.resample is not None:
        total, rate = (round(total * how.resample / rate) if rate else total), how.resample
    return Source(description=text, frames=frames, total=total, about=about, rate=rate, notes=notes, is_timed=True)


def _variable(spans: set[float]) -> str | None:
    """Return a note on pictures that are shown for different times, in milliseconds; None for equal ones."""
    if not spans or max(spans) - min(spans) <= 2:  # times are rounded to whole milliseconds
        return None
    return (
        f"the animation has a variable frame rate: its pictures have durations of {min(spans):g} to {max(spans):g} ms. "
        "Each is saved once, at the rate of the first one; --rate states another rate, and --resample repeats and "
        "leaves out pictures by their durations"
    )

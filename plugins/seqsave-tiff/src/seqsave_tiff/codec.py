"""Encode and decode TIFF files with tifffile.

Strips are compressed here, by libraries that release the interpreter lock: igzip for the fastest deflate, which takes a
third to three quarters of the time of others for the same size, otherwise imagecodecs. tifffile writes the structure of
the file.
Sources: TIFF 6.0, and Adobe's technical note 3 for the predictor of floats.
"""

from __future__ import annotations

import io
import json
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import imagecodecs
import tifffile
from isal import isal_zlib

from seqsave import Decoded, Encoded, EncodeError, FrameInfo, ImageInfo
from seqsave.metadata import exif, ifd, iptc
from seqsave.metadata.icc import profile
from seqsave.metadata.parameters import PARAMETERS
from seqsave.metadata.stated import density, image_info
from seqsave.metadata.xmp import packet
from seqsave_tiff.reading import read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seqsave.types import ColorSpace, ImageArray

__all__ = ["TiffEncoder"]

_STRIP_BYTES = 1 << 18  # before compression
_PREDICTED = ("deflate", "lzw", "zstd")
_NO_PREDICTOR, _HORIZONTAL, _FLOATING_POINT = 1, 2, 3
_ALPHA = {"straight": "UNASSALPHA", "premultiplied": "ASSOCALPHA"}
_ALPHA_KINDS = {1: "associated", 2: "straight"}  # TIFF 6.0, ExtraSamples
_COLOURS = {1: ("Y",), 3: ("R", "G", "B")}
_ASCII, _BYTES = 2, 1
_XMP, _PROFILE, _EXTRA_SAMPLES = 700, 34675, 338
_DESCRIPTION, _SOFTWARE = 270, 305
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296
_INCH = 2
_UNITS = {_INCH: 1.0, 3: 2.54}
_BIG = "left out, as TIFF files of more than 4 GB do not hold it: Exif data, comments and IPTC data"
_TAGS = {"artist": 315, "copyright": 33432}


class TiffEncoder:
    """Encoder and decoder for TIFF files of one picture. Stateless."""

    def encode(
        self, image: ImageArray, *, metadata: Mapping[str, str], options: Mapping[str, Any], info: FrameInfo
    ) -> Encoded:
        """Encode one array H,W,C of uint8, uint16, uint32, int16, int32, float16 or float32, without loss.

        Metadata are written as one JSON object, in ASCII, to ImageDescription. Raises EncodeError if a library
        fails.
        """
        channels = image.shape[2]
        color = profile(info.color, grey=channels < 3) if info.color is not None else info.image.icc
        alpha = {None: options["alpha"], "straight": "straight", "associated": "premultiplied"}[info.image.alpha]
        layout: dict[str, Any] = {
            "photometric": "RGB" if channels > 2 else "MINISBLACK",
            "extrasamples": (_ALPHA[alpha],) if channels in (2, 4) else None,
            "iccprofile": color,
            **_density(info.dpi, info.image.pixel_aspect),
            **_words(metadata, info.tags, info.image.xmp),
        }
        if channels == 1:
            image = image[..., 0]
        try:
            data = _written(image, layout, options)
        # The errors of the libraries have no common class.
        except Exception as error:
            raise EncodeError(f"tifffile cannot write {info.name or 'this picture'}: {error}") from error
        more = exif.fields_of(info.image.exif, info.image.texts)
        more |= iptc.field_of(info.image.iptc) if info.image.iptc is not None else {}
        warnings = _warnings(info.color, color)
        if more and ifd.is_big(bytes(data[:8])):
            warnings += (_BIG,)
        elif more:
            data = memoryview(ifd.extended(bytes(data), more))
        return Encoded(data=data, warnings=warnings)

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        """Decode the first picture of a TIFF file to H,W,C: grey, RGB, with or without alpha, palettes as RGB.

        The dtype is that of the file: uint8, uint16, uint32, int16, int32, float16, float32 or float64; one bit becomes
        uint8, 0 and 255, and int8 becomes int16. Samples of an unspecified meaning are named channels, and no alpha.
        Raises DecodeError for damaged files, other kinds of pictures, and more than ``max_pixels`` pixels.
        """
        array, tags = read(data, max_pixels)
        texts = _texts(_text(tags.get(_DESCRIPTION)))
        found = _stated_in(tags, array.shape[2], has_texts=bool(texts))
        # The structure of a TIFF file is that of an Exif block.
        comment = exif.facts_in(data).comment
        comments = {exif.COMMENT: comment} if comment else {}
        if exif.is_generation(comment):
            texts, comments = {PARAMETERS: comment, **texts}, {}
        records = iptc.records_in({}, ifd.read(data))
        info = replace(found, exif=exif.kept(data), texts=comments, iptc=records)
        return Decoded(array=array, metadata=texts, info=info)


def _written(image: ImageArray, layout: Mapping[str, Any], options: Mapping[str, Any]) -> memoryview:
    file = io.BytesIO()
    kind = options["compression"]
    if kind == "none":
        tifffile.imwrite(file, image, byteorder="<", metadata=None, **layout)
        return file.getbuffer()
    predictor = _predictor(image, options)
    rows = max(1, _STRIP_BYTES // image[0].nbytes)
    strips = (image[top : top + rows] for top in range(0, len(image), rows))
    predicted = (_differences(strip, predictor) for strip in strips)
    tifffile.imwrite(
        file,
        map(_compressor(kind, options["level"]), predicted),
        shape=image.shape,
        dtype=image.dtype,
        byteorder="<",
        compression="adobe_deflate" if kind == "deflate" else kind,
        predictor=predictor,
        rowsperstrip=rows,
        metadata=None,
        **layout,
    )
    return file.getbuffer()


def _predictor(image: ImageArray, options: Mapping[str, Any]) -> int:
    if not options["predictor"] or options["compression"] not in _PREDICTED:
        return _NO_PREDICTOR
    return _FLOATING_POINT if image.dtype.kind == "f" else _HORIZONTAL


def _differences(strip: ImageArray, predictor: int) -> Any:
    """Return the differences along each row, channel by channel; of floats, those of the bytes grouped by weight."""
    if predictor == _NO_PREDICTOR:
        return strip
    along = 1
    if predictor == _FLOATING_POINT:
        return imagecodecs.floatpred_encode(strip, axis=along)
    return imagecodecs.delta_encode(strip, axis=along)


def _compressor(kind: str, level: int) -> Callable[[Any], Any]:
    if kind == "deflate":
        return lambda strip: _deflated(strip, level)
    if kind == "packbits":  # rows are packed separately (section 9)
        return lambda strip: imagecodecs.packbits_encode(strip.reshape(len(strip), -1), axis=-1)
    if kind == "lzw":
        return lambda strip: imagecodecs.lzw_encode(strip)
    return lambda strip: imagecodecs.zstd_encode(strip, level)


def _deflated(strip: Any, level: int) -> Any:
    data = isal_zlib.compress(strip, 1) if level == 1 else imagecodecs.deflate_encode(strip, level)
    # Some readers (OpenImageIO 2.4) allocate the most that zlib would need, and cut off the rest; igzip needs more than
    # that for noise.
    return data if len(data) <= strip.nbytes else zlib.compress(strip, 0)


# --- tags -------------------------------------------------------------------------------------------------------------


def _density(dpi: float | None, aspect: float | None) -> dict[str, Any]:
    """Return tifffile's arguments for the density across and down; without a unit, they are only a ratio."""
    if dpi is None and aspect is None:
        return {}
    across = 1.0 if dpi is None else dpi
    return {"resolution": (across, across * (aspect or 1)), "resolutionunit": "NONE" if dpi is None else "INCH"}


def _words(metadata: Mapping[str, str], tags: Mapping[str, str], source: bytes | None) -> dict[str, Any]:
    """Return tifffile's arguments for texts. If there are metadata, the description is in XMP only."""
    description = json.dumps(dict(metadata)) if metadata else tags.get("description")
    more = [(_TAGS[name], _ASCII, 0, tags[name].encode() + b"\0", True) for name in _TAGS if name in tags]
    if tags or source is not None:
        text = packet(tags, source)
        more.append((_XMP, _BYTES, len(text), text, True))
    return {
        "description": None if description is None else description.encode(),
        "software": tags["software"].encode() if "software" in tags else False,
        "extratags": more,
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _stated_in(tags: Mapping[int, Any], channels: int, *, has_texts: bool) -> ImageInfo:
    """Return what the tags of the picture state. has_texts: ImageDescription holds metadata."""
    own = {name: _text(tags.get(number)) for name, number in {**_TAGS, "software": _SOFTWARE}.items()}
    own["description"] = "" if has_texts else _text(tags.get(_DESCRIPTION))
    dpi, aspect = _stated_density(tags)
    packet_of, data = tags.get(_XMP), tags.get(_PROFILE)
    found = image_info(
        profile=bytes(data) if isinstance(data, bytes) and channels in (1, 2, 3, 4) else None,
        xmp_packet=bytes(packet_of) if isinstance(packet_of, bytes) else b"",
        dpi=dpi,
        aspect=aspect,
    )
    extra = tags.get(_EXTRA_SAMPLES)
    kinds = extra if isinstance(extra, tuple) else (extra,)
    alpha = next((_ALPHA_KINDS[kind] for kind in kinds if kind in _ALPHA_KINDS), None)
    written = {name: text.strip("\0 ") for name, text in own.items() if text.strip("\0 ")}
    return replace(found, tags={**written, **found.tags}, alpha=cast("Any", alpha), channels=_names(extra, channels))


def _names(extra: Any, channels: int) -> tuple[str, ...]:
    """Return the names of the channels, if some are neither colours nor alpha; () if all have the usual meaning."""
    kinds = extra if isinstance(extra, tuple) else () if extra is None else (extra,)
    colours = channels - len(kinds)
    is_usual = len(kinds) == 1 and kinds[0] in _ALPHA_KINDS
    if colours not in _COLOURS or not kinds or is_usual:
        return ()
    names, has_alpha = list(_COLOURS[colours]), False
    for number, kind in enumerate(kinds, start=1):
        is_alpha = kind in _ALPHA_KINDS and not has_alpha
        names.append("A" if is_alpha else f"extra{number}")
        has_alpha = has_alpha or is_alpha
    return tuple(names)


def _stated_density(tags: Mapping[int, Any]) -> tuple[float | None, float | None]:
    """Return pixels per inch, and the width of a pixel divided by its height."""
    sides = [tags.get(number) for number in (_X_RESOLUTION, _Y_RESOLUTION)]
    if not all(isinstance(side, tuple) and len(side) == 2 and all(side) for side in sides):
        return None, None
    across, down = (float(side[0] / side[1]) for side in sides if side is not None)
    unit = tags.get(_RESOLUTION_UNIT, _INCH)
    scale = _UNITS.get(int(unit)) if isinstance(unit, int) else None
    dpi, aspect = density(across, down)
    return None if dpi is None or scale is None else round(dpi * scale, 3), aspect


def _texts(description: str) -> dict[str, str]:
    try:
        found = json.loads(description)
    except ValueError:
        return {}
    ours = isinstance(found, dict) and all(isinstance(text, str) for text in found.values())
    return found if ours else {}


def _warnings(color: ColorSpace | None, stated: bytes | None) -> tuple[str, ...]:
    if color is None or stated is not None:
        return ()
    return (
        f"TIFF files cannot state the colour space {color.name}: no ICC profile is written; state it in another way",
    )

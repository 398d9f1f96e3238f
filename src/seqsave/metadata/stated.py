"""Collect what Exif, XMP and an ICC profile state of a picture, for the decoders of all formats that hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seqsave.metadata import exif, icc, xmp
from seqsave.metadata.parameters import PARAMETERS
from seqsave.metadata.text import load
from seqsave.pictures.color import COLOR_SPACES, DAMAGED_PROFILE
from seqsave.types import ImageInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seqsave.types import ColorSpace

__all__ = ["CMYK_PROFILE", "beyond_attributes", "density", "generation_in", "image_info", "only_named", "space_of_cicp"]

_PROFILE_OF = "ICC profile of {}"
CMYK_PROFILE = _PROFILE_OF.format("CMYK")
"""The attribute with the profile of CMYK pixels."""


def image_info(
    *,
    profile: bytes | None = None,
    exif_block: bytes = b"",
    xmp_packet: bytes = b"",
    dpi: float | None = None,
    aspect: float | None = None,
    color: ColorSpace | None = None,
    texts: Mapping[str, str] | None = None,
    iptc: bytes | None = None,
    left: Mapping[str, Any] | None = None,
) -> ImageInfo:
    """Return what the parts of a file state together.

    profile:    the ICC profile; it is kept as it is unless it is that of a named colour space. ``b""`` for one that
                cannot be read. A damaged one becomes an attribute, so that a warning names it.
    exif_block: the Exif block. Its tags count where XMP has none; its colour space where there is no profile.
    xmp_packet: the XMP packet.
    dpi:        pixels per inch, where the format itself states them.
    aspect:     width of a pixel divided by its height, where the format itself states it; that of Exif counts where the
                format states neither aspect nor density.
    color:      the colour space, where the format itself states it.
    texts:      comments, where the format itself has some.
    iptc:       IPTC's records.
    left:       what no encoder writes, as ``only_named`` returns it.
    """
    damaged = {DAMAGED_PROFILE: True} if profile is not None and not icc.is_profile(profile) else {}
    if damaged:
        profile = None
    facts = exif.facts_in(exif_block)
    named = color or (icc.space_of(profile) if profile else None)
    kept = profile if profile and named is None else None
    if named is None and kept is None and facts.is_srgb:
        named = COLOR_SPACES["srgb"]
    tags = {**facts.tags, **xmp.tags_in(xmp_packet)}
    # Generation data are metadata, which exif.unpack returns.
    is_text = bool(facts.comment) and not exif.is_generation(facts.comment)
    comments = {exif.COMMENT: facts.comment} if is_text else {}
    # Some formats round the density; Exif has it as it was meant.
    rounded = dpi is not None and facts.dpi is not None and round(facts.dpi) == round(dpi)
    return ImageInfo(
        color=named,
        icc=kept,
        dpi=dpi if dpi is not None and not rounded else facts.dpi,
        pixel_aspect=facts.aspect if aspect is None and (dpi is None or rounded) else aspect,
        tags=tags,
        texts={**(texts or {}), **comments},
        exif=exif.kept(exif_block) if exif_block else None,
        xmp=xmp.others_in(xmp_packet) if xmp_packet else None,
        iptc=iptc,
        attributes={**(left or {}), **damaged},
    )


def generation_in(info: ImageInfo) -> dict[str, str]:
    """Return the workflow, prompt and parameters that a description or a user comment in XMP holds, by name."""
    texts = [info.tags["description"]] if "description" in info.tags else []
    texts += xmp.descriptions_in(info.xmp) if info.xmp is not None else []
    return {name: text for text in reversed(texts) if (name := _generation_name(text))}


def _generation_name(text: str) -> str:
    """Return the name of a text with generation data, and "" for another text."""
    value = load({"": text})[""] if text.lstrip().startswith("{") else None
    if not isinstance(value, dict):
        return PARAMETERS if exif.is_generation(text) else ""
    if isinstance(value.get("nodes"), list):
        return "workflow"
    is_prompt = bool(value) and all(isinstance(node, dict) and "class_type" in node for node in value.values())
    return "prompt" if is_prompt else ""


def only_named(profile: bytes | None, mode: str) -> dict[str, Any]:
    """Return attributes that are of no use to an encoder, so that the warning of their loss names them.

    profile: the ICC profile of pixels that became RGB without it. mode: what these were, as Pillow calls it: ``CMYK``.
    """
    if profile is None:
        return {}
    return {_PROFILE_OF.format(mode): profile} if icc.is_profile(profile) else {DAMAGED_PROFILE: True}


def density(across: float, down: float) -> tuple[float | None, float | None]:
    """Return pixels per inch, and the width of a pixel divided by its height where that is not 1, of two densities."""
    if not across or not down:
        return None, None
    return float(across), None if across == down else down / across


def beyond_attributes(texts: Mapping[str, str], info: ImageInfo | None, filetypes: Iterable[str]) -> dict[str, str]:
    """Return the texts of a file that are not among its attributes, which files of its own format keep anyway.

    filetypes: the names of the formats that are written.
    """
    own = info.attributes if info is not None and all(one == info.attributes_of for one in filetypes) else {}
    return {name: text for name, text in texts.items() if not _is_same(own.get(name), text)}


def _is_same(value: object, text: str) -> bool:
    # A value that is not text is a text that its file holds in another encoding.
    return value is not None and (value == text or not isinstance(value, str))


def space_of_cicp(primaries: int, transfer: int) -> ColorSpace | None:
    """Return the named colour space with these numbers of ITU-T H.273."""
    for space in COLOR_SPACES.values():
        if space.cicp == (primaries, transfer):
            return space
    return None

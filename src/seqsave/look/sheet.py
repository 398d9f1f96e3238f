"""Save a contact sheet of a sequence as one picture."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqsave import naming
from seqsave.errors import EncodeError, OptionError
from seqsave.metadata import icc
from seqsave.pictures.color import color_space
from seqsave.sequences.cells import sheet_of
from seqsave.sequences.many import call

if TYPE_CHECKING:
    from seqsave.sequences.reader import FrameSequence
    from seqsave.targets import Target
    from seqsave.types import ImageArray

__all__ = ["FORMATS", "MadeSheet", "encode_sheet", "save_sheet"]

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "png": ("PNG", {"optimize": True}),
    "jpg": ("JPEG", {"quality": 88, "subsampling": 0}),
    "jpeg": ("JPEG", {"quality": 88, "subsampling": 0}),
    "webp": ("WEBP", {"quality": 88, "method": 4}),
}
"""How Pillow saves a sheet, by extension."""


@dataclass(frozen=True, slots=True)
class MadeSheet:
    """A published sheet: its width and height in pixels, and its size in bytes."""

    width: int
    height: int
    size: int


def save_sheet(sequence: FrameSequence, target: Target, path: str, **settings: Any) -> MadeSheet:
    """Publish a contact sheet of a sequence, as PNG, JPEG or WebP.

    path:     below ``target``, ending in .png, .jpg, .jpeg or .webp.
    settings: as of ``sheet_of``.

    Raises OptionError for another ending, and for a name that would make the sheet a frame; EncodeError, TargetError,
    and as ``sheet_of``.
    """
    extension = _checked(sequence, target, path)
    sheet = sheet_of(sequence, **settings)
    data = encode_sheet(sheet, extension)
    kind = f"image/{FORMATS[extension][0].lower()}"
    call(target, lambda: target.publish(path, data, content_type=kind))
    return MadeSheet(sheet.shape[1], sheet.shape[0], len(data))


def encode_sheet(sheet: ImageArray, extension: str) -> bytes:
    """Return the bytes of a picture H,W,3, uint8, that states sRGB. Raises EncodeError, for one that is too large."""
    from PIL import Image

    kind, options = FORMATS[extension]
    buffer = io.BytesIO()
    try:
        profile = icc.profile(color_space("srgb"))
        Image.fromarray(sheet).save(buffer, kind, icc_profile=profile, **options)
    except (OSError, ValueError, KeyError) as error:
        size = f"{sheet.shape[1]}x{sheet.shape[0]}"
        raise EncodeError(f"a picture of {size} pixels cannot be saved as {kind}: {error}") from error
    return buffer.getvalue()


def _checked(sequence: FrameSequence, target: Target, path: str) -> str:
    """Return the extension of a name that no command takes for a frame of a sequence beside it. Raises OptionError."""
    name = path.rpartition("/")[2]
    extension = name.rpartition(".")[2].lower()
    if extension not in FORMATS or "." not in name:
        raise OptionError(f"a sheet is .png, .jpg or .webp, not {name!r}")
    folders = {frame.url.rpartition("/")[0] for frame in sequence}
    split = naming.split_name(name)
    if split is not None and target.url_of(path).rpartition("/")[0] in folders:
        raise OptionError(
            f"{name!r} would be taken for frame {split[1]} of a sequence {split[0]} beside the frames: choose a name "
            f"without a number at its end, such as {sequence.name.prefix or 'contact'}_sheet.{extension}"
        )
    return extension

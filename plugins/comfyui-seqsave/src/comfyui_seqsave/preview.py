"""Previews of saved frames in the front end: the files themselves if it can show them, otherwise small copies.

Browsers draw some formats. Newer front ends have a viewer for EXR files as well, and list these files among the assets;
but classic nodes draw none, so there are copies too. TIFF and JPEG XL are shown by copies only.
"""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
import threading
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from . import host

if TYPE_CHECKING:
    from seqsave import SavedFrame

__all__ = ["images_of"]

# Extensions of files that browsers draw.
_DRAWN = {".avif", ".gif", ".jpeg", ".jpg", ".png", ".webp"}
# Extensions of files that the front end has a viewer for, since this version of it.
_VIEWED = {".exr": (1, 45)}
_LARGEST = 512  # pixels, of a copy's longer side
_MOST_COPIES = 8

_own_folders: dict[str, str] = {}
_lock = threading.Lock()


def images_of(saved: Sequence[Sequence[SavedFrame]], pictures: Sequence[Any]) -> list[dict[str, str]]:
    """Return entries for ``ui["images"]``, in order.

    saved:    the saved frames, for each file type; the files of the first one that browsers can draw are shown,
              otherwise those that the front end has a viewer for, and then the copies.
    pictures: the pictures of these frames, H,W,C each.
    """
    own = host.folders()
    for frames in saved:
        entries = [_entry(frame.url, own, _DRAWN) for frame in frames if frame.status != "stopped"]
        if all(entries):
            return [entry for entry in entries if entry]
    version = host.front_end_version()
    viewed = {extension for extension, since in _VIEWED.items() if version >= since}
    found = [_entry(frame.url, own, viewed) for frames in saved for frame in frames if frame.status != "stopped"]
    there = [picture for frame, picture in zip(saved[0], pictures, strict=True) if frame.status != "stopped"]
    step = -(-len(there) // _MOST_COPIES)
    return [*filter(None, found), *(_copy(picture, own.temp) for picture in there[::step])]


def _entry(url: str, own: host.Folders, shown: Collection[str]) -> dict[str, str] | None:
    if not os.path.isabs(url) or os.path.splitext(url)[1].lower() not in shown:
        return None
    for kind, folder in own.kinds():
        relative = os.path.relpath(url, folder) if _same_drive(url, folder) else os.pardir
        if relative.split(os.sep)[0] != os.pardir:
            subfolder, name = os.path.split(relative)
            return {"filename": name, "subfolder": subfolder.replace(os.sep, "/"), "type": kind}
    return None


def _same_drive(one: str, other: str) -> bool:
    return os.path.normcase(os.path.splitdrive(one)[0]) == os.path.normcase(os.path.splitdrive(other)[0])


def _copy(picture: Any, folder: str) -> dict[str, str]:
    """Save a small copy in ComfyUI's temp folder, which ComfyUI empties at every start."""
    from PIL import Image

    from seqsave.pictures import as_array, prepare

    array = as_array(picture)
    step = max(1, max(array.shape[:2]) // (2 * _LARGEST))  # so that a large picture is not converted as a whole
    array = prepare(array[::step, ::step], ("uint8",), (1, 3)).array
    image = Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
    image.thumbnail((_LARGEST, _LARGEST))
    own, name = _own_folder(folder), f"seqsave_{secrets.token_hex(6)}.jpg"
    # Nothing that others have put there is opened or followed.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(os.path.join(folder, own, name), flags, 0o600), "wb") as file:
        image.save(file, "JPEG", quality=85)
    return {"filename": name, "subfolder": own, "type": "temp"}


def _is_private(folder: str) -> bool:
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    is_own = not hasattr(os, "geteuid") or (found.st_uid == os.geteuid() and found.st_mode & 0o077 == 0)
    return stat.S_ISDIR(found.st_mode) and is_own


def _own_folder(temp: str) -> str:
    """Return the name of a folder in ``temp`` that only this server's user can look into; one for each start."""
    os.makedirs(temp, exist_ok=True)
    with _lock:
        name = _own_folders.get(temp)
        if name is None or not _is_private(os.path.join(temp, name)):  # ComfyUI may have emptied its temp folder
            name = _own_folders[temp] = os.path.basename(tempfile.mkdtemp(prefix="seqsave_", dir=temp))
        return name

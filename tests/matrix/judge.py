"""The contents of the storage, found without seqsave: by a raw listing, Pillow, zlib and json."""

from __future__ import annotations

import io
import json
import re
import zlib
from dataclasses import dataclass
from typing import Any

from PIL import Image

from tests.support.places import Place

__all__ = ["FRAMES", "Truth", "numbers_of", "picture_value"]

FRAMES = 8
MANIFEST = ".seqsave/frame.png.json"
_NAME = re.compile(r"frame_(\d{5})\.png")


def picture_value(run: int, index: int) -> int:
    """Return the value of each pixel of a frame, which shows the run that has drawn it."""
    return 100 * run + index


@dataclass(frozen=True)
class Truth:
    """The contents of a place.

    drawn: index to (number of the run that has drawn it, size), as far as the file is a sound picture.
    damaged: indices of other files. checksums: index to ``crc32:...``. strange: names that no program should leave.
    manifest: the parsed manifest; None without one.
    """

    drawn: dict[int, tuple[int, tuple[int, int]]]
    damaged: tuple[int, ...]
    checksums: dict[int, str]
    sizes: dict[int, int]
    strange: tuple[str, ...]
    manifest: dict[str, Any] | None

    @classmethod
    def at(cls, place: Place) -> Truth:
        drawn, damaged, checksums, sizes, strange, manifest = {}, [], {}, {}, [], None
        for name in place.names():
            found = _NAME.fullmatch(name)
            if found is None:
                if not name.startswith(".seqsave"):
                    strange.append(name)
                continue
            index, data = int(found[1]), place.read(name)
            checksums[index], sizes[index] = f"crc32:{zlib.crc32(data):08x}", len(data)
            try:
                drawn[index] = _drawn(data, index)
            except Exception:  # noqa: BLE001 - Pillow raises any error for a damaged file
                damaged.append(index)
        if MANIFEST in place.names():
            manifest = json.loads(place.read(MANIFEST))
        return cls(drawn, tuple(damaged), checksums, sizes, tuple(strange), manifest)

    def of_run(self, run: int) -> set[int]:
        """Return the frames that this run has drawn."""
        return {index for index, (drawn_by, _) in self.drawn.items() if drawn_by == run}

    def lies_of_the_manifest(self) -> list[str]:
        """Return the false statements of the manifest."""
        if self.manifest is None:
            return []
        stated = {frame["index"]: frame for frame in self.manifest["frames"]}
        lies = []
        for index, frame in stated.items():
            if frame.get("disputed"):
                continue
            if frame.get("checksum") not in (None, self.checksums.get(index)) or index not in self.checksums:
                if self.manifest["complete"]:
                    lies.append(f"complete, and frame {index} is not as recorded")
                elif index in self.checksums:
                    lies.append(f"frame {index} is recorded with another checksum")
        if self.manifest["complete"] and set(stated) - set(self.drawn):
            lies.append(f"complete with {sorted(stated)}, and there are {sorted(self.drawn)}")
        return lies


def _drawn(data: bytes, index: int) -> tuple[int, tuple[int, int]]:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        low, high = picture.convert("L").getextrema()
        if low != high:
            raise ValueError("not of one value")
        run, rest = divmod(int(low), 100)
        if rest != index:
            raise ValueError(f"frame {index} shows frame {rest}")
        return run, picture.size


def numbers_of(text: str) -> set[int]:
    """Return the numbers of ``0-4,7``."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found

"""What sources are opened on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seqsave.sources import Source, open_source
from tests.sources.pictures import encode, picture

if TYPE_CHECKING:
    from tests.support.places import Place
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.places import Place


def fill(place: Place, *names: str) -> None:
    for seed, name in enumerate(names):
        place.write(name, encode(picture(seed)))


def opened(place: Place, path: str = "", **more: Any) -> Source:
    url = f"{place.url}/{path}" if path else place.url
    return open_source(url, place.storage_options, **more)


def indices(source: Source) -> list[int | None]:
    return [frame.index for frame in source]

"""Whatever the settings are: names and pixels follow the contract exactly."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from graphs import Graph, eight_bit, files, seen
from helper_nodes import pictures
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from server import ComfyError
from tests.support.environment import FULL

if TYPE_CHECKING:
    from pathlib import Path

    from server import ComfyServer

LOSSLESS = {"png", "png with embedded workflow"}
FILETYPES = ["png with embedded workflow", "png", "jpg", "jpg with embedded workflow", "jpeg", "webp"]
LETTERS = "abz Zäß好_-.0#%'()[]"
folders = itertools.count()

# Names that begin with a dot are refused: tests/naming.
# Two percent signs are those of a value, and # stands for the number: test_server_names.
prefixes = (
    st.text(LETTERS, max_size=12)
    .map(str.strip)
    .filter(lambda text: text[:1] != "." and text.count("%") < 2 and "#" not in text)
)
cases = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**31),
        "count": st.integers(1, 4),
        "height": st.integers(1, 40),
        "width": st.integers(1, 40),
        "channels": st.sampled_from([3, 3, 3, 1, 4]),
        "digits": st.integers(0, 9),
        "subfolder": st.sampled_from(["", "", "sub/", "a/b/"]),
        "prefix": prefixes,
        "filetype": st.sampled_from(FILETYPES),
        "at_end": st.sampled_from(["stop output", "raise error", "keep going"]),
        # The frame before the last, the last one, and the two after it are where the rules change.
        "total": st.integers(1, 200_000),
        "offset": st.sampled_from([-1, 0, 1, 2]) | st.integers(-200_000, 200_000),
        # Existing frames of this sequence.
        "earlier": st.sets(st.integers(0, 300_000), max_size=3),
    }
)


@settings(max_examples=200 if FULL else 50, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases)
def test_names_and_pixels_follow_the_contract(comfy: ComfyServer, case: dict[str, Any]) -> None:
    if not case["prefix"]:
        case["subfolder"] = ""  # a prefix that ends with a slash is refused
    check(comfy, index=max(0, case["total"] - 1 + case.pop("offset")), **case)


def check(
    comfy: ComfyServer,
    *,
    index: int,
    total: int,
    count: int,
    digits: int,
    subfolder: str,
    prefix: str,
    filetype: str,
    at_end: str,
    earlier: set[int],
    **picture: int,
) -> None:
    root = comfy.output / "random" / str(next(folders))
    extension = filetype.split(" ", maxsplit=1)[0]

    def paths(number: int) -> list[Path]:
        """Every file of a frame, by batch."""
        file = f"{prefix}_{str(number).rjust(digits, '0')}.{extension}"
        batches = [f"batch_{batch:04d}/" for batch in range(count)] if count > 1 else [""]
        return [root / f"{batch}{subfolder}{file}" for batch in batches]

    for path in itertools.chain(*map(paths, earlier - {index})):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"earlier")
    before = files(root)

    lossless = filetype in LOSSLESS
    graph = Graph()
    image = graph.pictures(count, smooth=not lossless, **picture)
    saver = graph.saver(
        str(root),
        image,
        graph.counter(index, total),
        prefix=subfolder + prefix,
        digits=digits,
        filetype=filetype,
        at_end=at_end,
    )
    look = graph.seen(animation_sequence=saver[0])
    after = index >= total
    try:
        outputs = comfy.run(graph)
    except ComfyError as error:
        failed = error.answer.get("exception_type")
    else:
        failed = None
    assert failed == ("seqsave.errors.EndOfSequenceError" if after and at_end == "raise error" else None)
    if after and at_end != "keep going":
        assert files(root) == before
        return
    assert files(root) == sorted({*before, *(path.relative_to(root).as_posix() for path in paths(index))})
    expected = eight_bit(pictures(count=count, smooth=not lossless, **picture))
    for path, pixels in zip(paths(index), expected, strict=True):
        compare(path, pixels, lossless)
    reported = seen(outputs, look)["animation_sequence"]
    assert reported["is_defined"] == (index + 1 == total)
    if reported["is_defined"]:
        whole = {str(number): [str(path) for path in paths(number)] for number in {*earlier, index}}
        assert reported["frames"] == whole


def compare(path: Path, pixels: np.ndarray, lossless: bool) -> None:
    """Read back by Pillow; the numbers of ``pixels`` are ComfyUI's."""
    with Image.open(path) as image:
        found = np.asarray(image).reshape(*image.size[::-1], -1).astype(int)
    if lossless:
        assert found.shape == pixels.shape
        assert np.array_equal(found, pixels)
        return
    if pixels.shape[2] == 4 and found.shape[2] == 3 and path.suffix != ".webp":
        pixels = pixels[:, :, :3]  # JPEG has no alpha
    pixels = np.broadcast_to(pixels, found.shape)
    visible = np.ones(found.shape[:2], bool) if found.shape[2] < 4 else pixels[:, :, 3] > 0
    assert np.abs(found - pixels)[visible].max(initial=0) <= 12

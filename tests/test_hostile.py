"""Bad input of every kind against the public API: only documented errors, and nothing that is saved is damaged."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import seqsave
from seqsave.settings.config import SETTINGS

GOOD = np.arange(4 * 5 * 7 * 3, dtype=np.uint8).reshape(4, 5, 7, 3)
NAMES = tuple(SETTINGS)

# One test makes two hundred kinds of bad input; all of them share one place with good frames.
BAD = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


class Sly:
    """Lies about itself wherever it is asked."""

    def __init__(self, kind: type[Exception]) -> None:
        self.kind = kind

    def _raise(self, *_: Any, **__: Any) -> Any:
        raise self.kind("sly")

    __array__ = __len__ = __iter__ = __index__ = __fspath__ = __str__ = __float__ = __getitem__ = _raise
    __array_interface__ = property(_raise)

    def __repr__(self) -> str:
        return "<sly>"


def cyclic() -> list[Any]:
    round_and_round: list[Any] = []
    round_and_round.append(round_and_round)
    return round_and_round


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


ODD_TEXTS = (
    *("", ".", "..", "../..", "/", "//", "a/../b", "a\\..\\b", "C:\\x", "con", "nul.png", "a\0b", "\udcff", "x" * 5000),
    *("png", "exr", "frame", "frame_00000", "batch_0001", ".seqsave", ".seqsave/frame.png.json", "%05d", "####", "-1"),
    *("1e999", "NaN", "{}", "[", "*", "?", "[a]", "~nobody/x", "é" * 200, "a::b", "\N{ZERO WIDTH JOINER}"),
)
texts = st.one_of(
    st.text(max_size=30),
    st.text(st.characters(categories=["Cc", "Cs", "Zl", "Zs", "Co"]), max_size=10),
    st.sampled_from(ODD_TEXTS),
)
numbers = st.one_of(
    st.integers(),
    st.sampled_from([-1, 0, 2**31, 2**63, 2**64, 10**40, -(10**40), True, False]),
    st.floats(),
    st.sampled_from([math.nan, math.inf, -0.0, Fraction(1, 3), 1j, np.int8(3), np.float32("nan"), np.uint64(2**63)]),
)
odd = st.one_of(
    st.none(),
    st.binary(max_size=20),
    st.sampled_from([(), [], {}, set(), object(), Sly, len, ..., Path("x"), range(3)]),
    st.sampled_from([ValueError, TypeError, RuntimeError, OSError, MemoryError, KeyError, IndexError]).map(Sly),
    st.dictionaries(st.one_of(st.text(max_size=5), st.integers(), st.none()), st.integers(), max_size=3),
    st.lists(st.one_of(st.integers(), st.text(max_size=3)), max_size=4),
)
anything = st.one_of(texts, numbers, odd)

MODES = (
    *("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"),
    *("I", "F", "I;16"),
)
shapes = st.lists(st.sampled_from([0, 1, 2, 3, 4, 5, 7]), max_size=6)
DTYPES = (
    *("?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16", ">u2", ">f4"),
    *("O", "S3", "U3", "M8[s]", "m8[s]", "V4"),
)
dtypes = st.sampled_from(DTYPES)
arrays = st.builds(lambda shape, dtype: np.zeros(shape, dtype), shapes, dtypes)
pictures = st.one_of(
    arrays,
    st.sampled_from(MODES).map(lambda mode: Image.new(mode, (3, 2))),
    st.sampled_from([np.nan, np.inf, -np.inf, 1e300, -1.0]).map(lambda value: np.full((2, 3, 3), value)),
    st.just(np.broadcast_to(np.uint8(7), (4, 5, 3))),
    st.just(np.ma.masked_all((2, 3, 3))),
    st.just(np.zeros((2, 3), [("r", "u1"), ("g", "u1")])),
    anything,
)


@pytest.fixture
def shot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a good sequence; what means a relative path ends up beside it."""
    folder = tmp_path / "shot"
    seqsave.save(GOOD, folder, metadata={"prompt": {"1": {}}}, recipe="good")
    seqsave.save(GOOD[:1], folder, filetype="jpg", metadata={"x": "x" * 70_000}, metadata_in="sidecar", manifest=False)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Every picture and sidecar; a manifest may say that it was changed."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("frame.png.json", "frame.png.json.lock")
    }


def only_documented(call: Callable[[], Any]) -> None:
    reported = "nothing"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", seqsave.SeqSaveWarning)
        try:
            call()
        except seqsave.SeqSaveError as error:
            reported = str(error)
        except Exception as error:
            if error.args != ("sly",):  # what the caller's own object raises is the caller's
                raise
    assert reported.strip()


def keeps(folder: Path, call: Callable[[], Any]) -> None:
    """Whatever ``call`` does, what was there before stays as it was."""
    before = content(folder)
    only_documented(call)
    after = content(folder)
    assert {name: after.get(name) for name in before} == before
    for name in set(after) - set(before):  # more frames may have come, and no junk
        assert not name.endswith(".tmp"), name
        (folder / name).unlink()
    sequence = seqsave.open_sequence(folder, filetype="png")
    assert [frame.index for frame in sequence][:4] == [0, 1, 2, 3]
    assert (np.stack([sequence.frame(i).read() for i in range(4)]) == GOOD).all()


@BAD
@given(given_settings=st.dictionaries(st.sampled_from(NAMES), anything, min_size=1, max_size=2))
def test_settings(shot: Path, given_settings: dict[str, Any]) -> None:
    bad = {"if_exists": "error", "prefix": "frame", "spool": None, **given_settings}
    if bad["if_exists"] == "overwrite" or bad["spool"] is not None or bad.get("publish_behind", False) is not False:
        return  # nothing bad about that, or tried where spools are
    keeps(shot, lambda: seqsave.save(GOOD[:2], shot, **bad))


@BAD
@given(picture=pictures, call=st.sampled_from(["write", "write_frames", "write_batch", "save"]))
def test_pictures(shot: Path, picture: Any, call: str) -> None:
    def save() -> None:
        if call == "save":
            seqsave.save(picture, shot, if_exists="error", start=100)
            return
        with seqsave.open_writer(shot, if_exists="error", start=100) as writer:
            getattr(writer, call)(picture)

    keeps(shot, save)


@BAD
@given(arguments=st.dictionaries(st.sampled_from(["index", "batch", "metadata", "recipe"]), anything, min_size=1))
def test_arguments_of_one_frame(shot: Path, arguments: dict[str, Any]) -> None:
    def save() -> None:
        with seqsave.open_writer(shot, if_exists="error") as writer:
            writer.write(GOOD[0], **arguments)

    keeps(shot, save)


@BAD
@given(
    filetype=st.sampled_from(["png", "jpg", "png with embedded workflow"]),
    options=st.one_of(anything, st.dictionaries(st.sampled_from(["compression", "quality", "alpha", "x"]), anything)),
)
def test_options(shot: Path, filetype: str, options: Any) -> None:
    keeps(shot, lambda: seqsave.save(GOOD[:1], shot, filetype=filetype, options=options, if_exists="error", start=50))


@BAD
@given(
    metadata=st.dictionaries(
        st.one_of(texts, numbers), st.one_of(anything, st.sampled_from([cyclic(), deep(5000)])), max_size=3
    )
)
def test_metadata(shot: Path, metadata: dict[Any, Any]) -> None:
    keeps(shot, lambda: seqsave.save(GOOD[:1], shot, metadata=metadata, if_exists="error", start=50, manifest=True))


@BAD
@given(
    data=st.one_of(anything, st.binary(max_size=200)),
    leftover=st.one_of(st.none(), anything, st.dictionaries(texts, texts, max_size=2)),
)
def test_files_that_are_encoded_already(shot: Path, data: Any, leftover: Any) -> None:
    def save() -> None:
        with seqsave.open_writer(shot, if_exists="error", start=50) as writer:
            writer.write_encoded(data, leftover=leftover)

    keeps(shot, save)


@BAD
@given(url=anything, options=st.one_of(st.none(), anything))
def test_places(shot: Path, url: Any, options: Any) -> None:
    keeps(shot, lambda: seqsave.save(GOOD[:1], url, storage_options=options, if_exists="error"))
    only_documented(lambda: list(seqsave.find_sequences(url, storage_options=options)))
    only_documented(lambda: seqsave.open_sequence(url, storage_options=options))


@BAD
@given(prefix=anything, filetype=anything, index=anything, batch=anything)
def test_reading(shot: Path, prefix: Any, filetype: Any, index: Any, batch: Any) -> None:
    keeps(shot, lambda: seqsave.open_sequence(shot, prefix=prefix, filetype=filetype))
    only_documented(lambda: seqsave.open_sequence(shot, filetype="png").frame(index, batch))


def damaged(draw: Callable[[st.SearchStrategy[Any]], Any], data: bytes) -> bytes:
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        kind = draw(st.sampled_from(["flip", "cut", "insert", "drop", "repeat"]))
        if kind == "flip" and data:
            data = data[:at] + bytes([data[at] ^ draw(st.integers(1, 255))]) + data[at + 1 :]
        elif kind == "cut":
            data = data[:at]
        elif kind == "insert":
            data = data[:at] + draw(st.binary(min_size=1, max_size=8)) + data[at:]
        elif kind == "drop":
            data = data[:at] + data[at + draw(st.integers(1, 50)) :]
        else:
            data = data[:at] + data[at : at + 40] * draw(st.integers(2, 50)) + data[at:]
    return data


@BAD
@given(data=st.data(), name=st.sampled_from(["frame_00001.png", "frame_00000.jpg"]))
def test_damaged_frames(shot: Path, data: st.DataObject, name: str) -> None:
    path = shot / name
    good = path.read_bytes()
    path.write_bytes(damaged(data.draw, good))
    try:
        sequence = seqsave.open_sequence(shot, filetype=path.suffix[1:])
        index = int(path.stem.rpartition("_")[2])
        only_documented(lambda: sequence.frame(index).read())
        only_documented(lambda: sequence.frame(index).read_metadata())
        only_documented(lambda: list(sequence.arrays()))
    finally:
        path.write_bytes(good)


@BAD
@given(data=st.data())
def test_damaged_manifests(shot: Path, data: st.DataObject) -> None:
    path = shot / ".seqsave" / "frame.png.json"
    good = path.read_bytes()
    strategy = st.one_of(
        st.just(None), st.binary(max_size=50), st.sampled_from([b"[]", b"{}", b"null", b"[" * 100_000])
    )
    junk = data.draw(strategy)
    path.write_bytes(damaged(data.draw, good) if junk is None else junk)
    try:
        only_documented(lambda: seqsave.open_sequence(shot, filetype="png").manifest)
        for keep in (True, False):
            keeps(shot, lambda keep=keep: seqsave.save(GOOD[:2], shot, if_exists="error", start=70, manifest=keep))
        keeps(shot, lambda: seqsave.save(GOOD, shot, if_exists="skip valid", manifest=True))
    finally:
        path.write_bytes(good)


@BAD
@given(retry=st.dictionaries(st.sampled_from(["attempts", "deadline", "first_wait", "longest_wait"]), anything))
def test_retry_policies(retry: dict[str, Any]) -> None:
    only_documented(lambda: seqsave.RetryPolicy(**copy.copy(retry)))

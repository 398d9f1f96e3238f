"""Several file types of each frame in one pass."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.errors import EncodeError, ImageError, OptionError, SaveError, TargetError
from seqsave.specs import EncoderSpec
from seqsave.targets.memory import MemoryTarget
from seqsave.types import Encoded, FrameInfo
from tests.support.needs import needs_package
from tests.support.patience import PATIENCE
from tests.support.places import Place

BOTH = ["png with embedded workflow", "jpg"]


class RawEncoder:
    """Encode as the array's own bytes. Fails on request, and records the arrays."""

    seen: list[Any] = []
    lock = threading.Lock()
    fails_at: int | None = None

    def encode(self, image: Any, *, metadata: Any, options: Any, info: FrameInfo) -> Encoded:
        with self.lock:
            self.seen.append(image)
        if info.index == self.fails_at:
            raise ValueError("no more")
        return Encoded(data=image.dtype.name.encode() + b" " + image.tobytes())


@pytest.fixture(autouse=True)
def _raw() -> Any:
    RawEncoder.seen, RawEncoder.fails_at = [], None
    names = []
    for name, dtypes in (("raw", ("float32",)), ("raw8", ("uint8", "uint16")), ("raw16", ("float16",))):
        encoder = f"{__name__}:RawEncoder"
        spec = EncoderSpec(filetype=name, extensions=(name,), encoder=encoder, dtypes=dtypes, channels=(1, 2, 3, 4))
        seqsave.register_encoder(spec)
        names.append(name)
    yield
    for name in names:
        seqsave.unregister_encoder(name)


def frames(count: int) -> Any:
    return np.linspace(0, 1, count * 6 * 4 * 3, dtype=np.float32).reshape(count, 6, 4, 3)


def test_each_frame_is_there_as_each_filetype(place: Place) -> None:
    pictures = frames(5)
    result = seqsave.save(
        pictures, place.url, filetype=BOTH, start=3, metadata={"shot": 1}, storage_options=place.storage_options
    )
    assert result.counts["saved"] == 10
    for filetype in ("png", "jpg"):
        sequence = seqsave.open_sequence(place.url, filetype=filetype, storage_options=place.storage_options)
        assert sequence.indices == (3, 4, 5, 6, 7)
        assert sequence.manifest is not None
        assert sequence.manifest.complete
        assert [frame.index for frame in sequence.manifest.frames] == [3, 4, 5, 6, 7]
        expected = (pictures[2] * 255).astype(np.uint8)
        assert np.abs(sequence.frame(5).read().astype(int) - expected).max() <= (0 if filetype == "png" else 12)
    assert (
        seqsave.open_sequence(place.url, filetype="jpg", storage_options=place.storage_options)[0].read_metadata() == {}
    )


def test_floats_stay_floats_where_a_filetype_takes_them(tmp_path: Path) -> None:
    pictures = frames(2) * 4 - 1
    with pytest.warns(seqsave.SeqSaveWarning, match="clipped"):
        seqsave.save(pictures, tmp_path, filetype=["raw", "png"])
    assert (tmp_path / "frame_00001.raw").read_bytes() == b"float32 " + pictures[1].tobytes()


def test_numbers_that_become_infinite_are_reported_once(tmp_path: Path) -> None:
    with pytest.warns(
        seqsave.SeqSaveWarning, match="frame 0: numbers beyond what the narrower floats hold"
    ) as reported:
        result = seqsave.save(frames(3) * 1e6, tmp_path, filetype="raw16", dtype="float16")
    assert len(reported) == len(result.warnings) == 1


def test_what_is_the_same_is_converted_once(tmp_path: Path) -> None:
    seqsave.save(frames(1), tmp_path, filetype=["raw8", "jpg", "png"])
    with seqsave.open_writer(tmp_path, filetype=["raw8", "png"], concurrency=1) as writer:
        writer.write(frames(1)[0])
    assert len(RawEncoder.seen) == 2
    assert RawEncoder.seen[0].dtype == np.uint8


def test_the_future_is_done_when_all_files_are(tmp_path: Path) -> None:
    with seqsave.open_writer(tmp_path, filetype=BOTH) as writer:
        futures = writer.write_frames(frames(4))
        names = [Path(future.result(PATIENCE).url).name for future in futures]
        assert names == [f"frame_0000{number}.png" for number in range(4)]
        assert all((tmp_path / name).with_suffix(".jpg").exists() for name in names)


def test_one_filetype_that_fails_is_named_and_the_others_stay(tmp_path: Path) -> None:
    RawEncoder.fails_at = 1
    with pytest.raises(SaveError, match=r"frame 1: the encoder of 'raw' failed: ValueError: no more"):
        with seqsave.open_writer(tmp_path, filetype=["png", "raw"], concurrency=1) as writer:
            writer.write(frames(1)[0])
            with pytest.raises(EncodeError):
                writer.write(frames(1)[0]).result()
    assert sorted(path.name for path in tmp_path.glob("frame*")) == [
        "frame_00000.png",
        "frame_00000.raw",
        "frame_00001.png",
    ]
    manifest = seqsave.open_sequence(tmp_path, filetype="png").manifest
    assert manifest is not None
    assert not manifest.complete


@pytest.mark.filterwarnings("ignore:metadata 'workflow' is not saved")
@pytest.mark.filterwarnings("ignore:.*pictures of 4x6 pixels become a movie of")  # by some encoders
@pytest.mark.parametrize(
    ("filetype", "has"),
    [(["jpg", BOTH[0]], True), ([BOTH[0], "jpg"], True), (["jpg", "png"], False)],
)
def test_the_movie_has_the_metadata_that_any_filetype_embeds(tmp_path: Path, filetype: list[str], has: bool) -> None:
    av = needs_package("av")
    seqsave.save(frames(2), tmp_path, filetype=filetype, preview="mp4", metadata={"workflow": {"nodes": []}})
    with av.open(str(tmp_path / "frame.mp4")) as movie:
        assert ("workflow" in movie.metadata) is has


def test_the_filetype_that_cannot_take_a_picture_is_named(tmp_path: Path) -> None:
    picture = np.zeros((4, 4, 3), np.uint16)
    with pytest.raises(ImageError, match=r"^frame 0: as jpg: a picture of dtype uint16 would lose bits"):
        seqsave.save([picture], tmp_path, filetype=BOTH)
    with pytest.raises(ImageError, match=r"^frame 0: a picture of dtype uint16 would lose bits"):
        seqsave.save([picture], tmp_path, filetype="jpg")


def test_resuming_looks_at_each_filetype(tmp_path: Path) -> None:
    seqsave.save(frames(3), tmp_path, filetype=BOTH)
    (tmp_path / "frame_00001.jpg").unlink()
    result = seqsave.save(frames(3), tmp_path, filetype=BOTH, if_exists="skip")
    assert result.counts["skipped"] == 5
    assert [Path(frame.url).name for frame in result.frames if frame.status == "saved"] == ["frame_00001.jpg"]


def test_batches_and_events(tmp_path: Path) -> None:
    events: list[seqsave.Event] = []
    with seqsave.open_writer(tmp_path, filetype=BOTH, total=1, on_event=events.append) as writer:
        writer.write_batch(frames(2))
    assert len(list(tmp_path.glob("batch_000?/frame_00000.*"))) == 4
    assert (events[-1].done, events[-1].total) == (4, 2)


def test_options_go_to_those_that_declare_them(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    seqsave.save(frames(1), small, filetype=BOTH, options={"quality": 1})
    seqsave.save(frames(1), large, filetype=BOTH, options={"jpg": {"quality": 100}, "compression": "balanced"})
    sizes = [(folder / "frame_00000.jpg").stat().st_size for folder in (small, large)]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("filetype", [BOTH, "jpg"])
@pytest.mark.parametrize("options", [{"jpg.quality": 1}, {"jpg": {"quality": "1"}}])
def test_an_option_of_one_filetype(tmp_path: Path, filetype: Any, options: Any) -> None:
    seqsave.save(frames(1), tmp_path / "named", filetype=filetype, options=options)
    seqsave.save(frames(1), tmp_path / "plain", filetype="jpg", options={"quality": 1})
    named, plain = ((tmp_path / folder / "frame_00000.jpg").read_bytes() for folder in ("named", "plain"))
    assert named == plain


def test_dtype_goes_to_those_that_take_it(tmp_path: Path) -> None:
    seqsave.save(frames(1), tmp_path, filetype=["png", "jpg"], dtype="uint16")
    assert seqsave.open_sequence(tmp_path, filetype="png")[0].read().dtype == np.uint16


def test_a_conversion_is_made_once_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs_package("PyOpenColorIO", "pip install opencolorio")
    from seqsave.pictures.convert import Conversion

    calls = []
    apply = Conversion.apply
    monkeypatch.setattr(Conversion, "apply", lambda self, picture: calls.append(1) or apply(self, picture))
    with seqsave.open_writer(tmp_path, filetype=["raw8", "png"], color="srgb", convert_to="acescg") as writer:
        writer.write(frames(1)[0])
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"filetype": []}, "or a list of them"),
        ({"filetype": ["png", "png with embedded workflow"]}, r"two that write \.png"),
        (
            {"filetype": BOTH, "options": {"qualty": 3}},
            "none of png with embedded workflow, jpg has an option 'qualty'",
        ),
        ({"filetype": BOTH, "options": {"jpg": {"qualty": 3}}}, "did you mean 'quality'"),
        ({"filetype": BOTH, "options": {"exr": {"a": 3}}}, "has an option 'exr'"),
        ({"filetype": BOTH, "options": {"exr.compression": "zip"}}, "has an option 'exr.compression'"),
        ({"filetype": "jpg", "options": {"png.compression": "fast"}}, "has no option 'png.compression'"),
        ({"filetype": "jpg", "options": {"jpg.qualty": 3}}, "did you mean 'quality'"),
        ({"filetype": BOTH, "dtype": "float16"}, "takes uint8"),
    ],
)
def test_nonsense_is_reported(tmp_path: Path, settings: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        seqsave.open_writer(tmp_path, **settings)


def test_a_file_that_is_encoded_already_is_of_one_filetype(tmp_path: Path) -> None:
    with seqsave.open_writer(tmp_path, filetype=BOTH) as writer:
        with pytest.raises(OptionError, match="an encoded file has one file type"):
            writer.write_encoded(b"x")


def test_every_record_names_its_filetype(tmp_path: Path) -> None:
    def by_filetype(records: Any) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for record in records:
            assert record.url.endswith({"raw": ".raw", BOTH[0]: ".png"}[record.filetype])
            found.setdefault(record.filetype, []).append(record.index)
        return found

    settings: Any = {"filetype": ["raw", BOTH[0]], "manifest": False}
    assert by_filetype(seqsave.save(frames(2), tmp_path, **settings).frames) == {"raw": [0, 1], BOTH[0]: [0, 1]}
    again = seqsave.save(frames(4), tmp_path, if_exists="skip", total=3, **settings)
    assert [frame.status for frame in again.frames] == ["skipped"] * 4 + ["saved"] * 2 + ["stopped"] * 2
    assert by_filetype(again.frames) == {"raw": [0, 1, 2, 3], BOTH[0]: [0, 1, 2, 3]}
    RawEncoder.fails_at = 5
    with pytest.raises(SaveError) as caught:
        seqsave.save(frames(1), tmp_path, start=5, **settings)
    assert caught.value.result is not None
    assert "raw" in by_filetype(caught.value.result.failures)


def test_a_record_of_a_frame_in_the_spool_names_its_filetype(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: MemoryTarget, path: str, data: Any, **more: Any) -> None:
        raise TargetError("the storage is away", transient=True)

    monkeypatch.setattr(MemoryTarget, "publish", fail)
    once = seqsave.RetryPolicy(attempts=1)
    with pytest.raises(SaveError) as caught:
        seqsave.save(frames(1), "memory://away", filetype=["raw", BOTH[0]], spool=tmp_path, retry=once, manifest=False)
    assert caught.value.result is not None
    assert [(frame.status, frame.filetype) for frame in caught.value.result.frames] == [
        ("spooled", "raw"),
        ("spooled", BOTH[0]),
    ]

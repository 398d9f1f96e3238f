"""The promises of a writer, equal in memory, in a local folder and on a real S3 server."""

from __future__ import annotations

import io
import json
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

import seqsave
from tests.support.patience import PATIENCE
from tests.support.places import Place

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets

WORKFLOW = {"nodes": [{"id": 1, "title": "Größe 🎬"}], "links": []}


@pytest.fixture
def settings(place: Place) -> dict[str, Any]:
    return {"storage_options": place.storage_options}


def picture(value: int, shape: tuple[int, ...] = (4, 6, 3)) -> np.ndarray[Any, Any]:
    return np.full(shape, value, np.uint8)


def pixels(place: Place, path: str) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(place.read(path))))


@pytest.mark.every_day
def test_frames_land_in_order_and_whole(place: Place, settings: dict[str, Any]) -> None:
    rng = np.random.default_rng(7)
    frames = rng.integers(0, 256, (12, 20, 30, 3), dtype=np.uint8)
    result = seqsave.save(frames, place.url, **settings)
    assert place.frames() == [f"frame_{i:05d}.png" for i in range(12)]
    for i, frame in enumerate(frames):
        np.testing.assert_array_equal(pixels(place, f"frame_{i:05d}.png"), frame)
    assert result.counts == {"saved": 12, "skipped": 0, "stopped": 0, "spooled": 0, "failed": 0}
    assert [frame.index for frame in result.frames] == list(range(12))
    assert result.size == sum(len(place.read(name)) for name in place.frames())


def test_the_record_of_a_frame(place: Place, settings: dict[str, Any]) -> None:
    with seqsave.open_writer(place.url, **settings) as writer:
        saved = writer.write(picture(3), index=17, batch=2).result(PATIENCE)
    data = place.read("batch_0002/frame_00017.png")
    assert (saved.index, saved.batch, saved.status, saved.size) == (17, 2, "saved", len(data))
    assert saved.checksum == f"crc32:{zlib.crc32(data):08x}"
    assert saved.url.endswith("/batch_0002/frame_00017.png")
    if place.kind == "s3":
        assert saved.etag


@pytest.mark.parametrize(
    "prefix", ["my frame", "v1.2", "größe 🎬", "[a]b", "100%", "%20", "a#b", "a+b", "sub/frame", "a&b=c;d", "q?*", "~x"]
)
def test_prefixes_survive(place: Place, settings: dict[str, Any], prefix: str) -> None:
    seqsave.save([picture(1), picture(2)], place.url, prefix=prefix, **settings)
    assert place.frames() == sorted(f"{prefix}_{i:05d}.png" for i in range(2))
    sequence = seqsave.open_sequence(place.url, prefix=prefix, **settings)
    assert sequence.prefix == prefix
    assert [int(frame.read()[0, 0, 0]) for frame in sequence] == [1, 2]


def test_a_batch_goes_to_batch_folders_and_one_image_does_not(place: Place, settings: dict[str, Any]) -> None:
    with seqsave.open_writer(place.url, digits=3, **settings) as writer:
        writer.write_batch([picture(1), picture(2), picture(3)])
        writer.write_batch(picture(9)[None])
    expected = [*(f"batch_000{b}/frame_000.png" for b in range(3)), "frame_001.png"]
    assert place.frames() == expected
    assert int(pixels(place, "batch_0001/frame_000.png")[0, 0, 0]) == 2


def test_overwrite_replaces(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture(1)], place.url, **settings)
    seqsave.save([picture(2)], place.url, **settings)
    assert int(pixels(place, "frame_00000.png")[0, 0, 0]) == 2


@pytest.mark.every_day
def test_error_never_replaces(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture(1)], place.url, start=2, **settings)
    before = place.read("frame_00002.png")
    with pytest.raises(seqsave.SaveError, match=r"frame 2: .*frame_00002\.png already exists") as caught:
        with seqsave.open_writer(place.url, if_exists="error", concurrency=1, **settings) as writer:
            for value in range(3):
                last = writer.write(picture(value))
    assert isinstance(caught.value.__cause__, FileExistsError)
    assert isinstance(last.exception(), seqsave.FrameExistsError)
    assert place.read("frame_00002.png") == before
    result = caught.value.result
    assert result is not None
    assert result.counts == {"saved": 2, "skipped": 0, "stopped": 0, "spooled": 0, "failed": 1}
    assert result.failures[0].index == 2


@pytest.mark.every_day
def test_skip_resumes(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture(1), picture(1)], place.url, start=1, **settings)
    place.write("frame_00003.png", b"")  # an empty file is not a frame
    result = seqsave.save([picture(5)] * 5, place.url, if_exists="skip", **settings)
    assert [frame.status for frame in result.frames] == ["saved", "skipped", "skipped", "saved", "saved"]
    assert [int(pixels(place, f"frame_{i:05d}.png")[0, 0, 0]) for i in range(5)] == [5, 1, 1, 5, 5]


def test_skip_in_batches(place: Place, settings: dict[str, Any]) -> None:
    with seqsave.open_writer(place.url, **settings) as writer:
        writer.write(picture(1), batch=1)
    with seqsave.open_writer(place.url, if_exists="skip", **settings) as writer:
        futures = writer.write_batch([picture(2), picture(3)])
    assert [future.result().status for future in futures] == ["saved", "skipped"]


@pytest.mark.filterwarnings("ignore:metadata 'workflow', 'prompt' (is|are) not saved")
@pytest.mark.parametrize("filetype", ["png", "jpg", "jpeg"])
def test_metadata_goes_in_only_when_asked(place: Place, settings: dict[str, Any], filetype: str) -> None:
    metadata = {"workflow": WORKFLOW, "prompt": {"3": {"class_type": "KSampler"}}}
    for name in (filetype, f"{filetype} with embedded workflow"):
        seqsave.save([picture(1)], place.url, filetype=name, metadata=metadata, **settings)
        frame = seqsave.open_sequence(place.url, filetype=name, **settings)[0]
        assert frame.read_metadata() == (metadata if name != filetype else {})


def test_metadata_of_one_frame_is_merged_over(place: Place, settings: dict[str, Any]) -> None:
    with seqsave.open_writer(place.url, metadata={"workflow": WORKFLOW, "seed": 1}, **settings) as writer:
        writer.write(picture(1))
        writer.write(picture(1), metadata={"seed": 2, "note": "größer 🎬"})
    sequence = seqsave.open_sequence(place.url, **settings)
    assert sequence[0].read_metadata() == {"workflow": WORKFLOW, "seed": 1}
    assert sequence[1].read_metadata() == {"workflow": WORKFLOW, "seed": 2, "note": "größer 🎬"}


@pytest.mark.every_day
def test_what_does_not_fit_into_a_jpeg_goes_beside_it(place: Place, settings: dict[str, Any]) -> None:
    big = {"nodes": ["x" * 70_000]}
    # Encoders find it, side by side: either frame may be the first to report it.
    with pytest.warns(seqsave.SeqSaveWarning, match=r"frame [01]: .*beside it in .seqsave/: 'workflow'"):
        result = seqsave.save(
            [picture(1), picture(2)],
            place.url,
            filetype="jpg with embedded workflow",
            metadata={"workflow": big, "prompt": {"a": 1}},
            **settings,
        )
    assert len(result.warnings) == 1
    sidecar = f".seqsave/frame_00001.jpg.{zlib.crc32(place.read('frame_00001.jpg')):08x}.workflow.json"
    assert json.loads(place.read(sidecar)) == big
    sequence = seqsave.open_sequence(place.url, **settings)
    assert len(sequence) == 2
    assert sequence[1].read_metadata() == {"workflow": big, "prompt": {"a": 1}}


def test_another_file_does_not_inherit_what_lay_beside_the_last_one(place: Place, settings: dict[str, Any]) -> None:
    embedding = {"filetype": "jpg with embedded workflow", **settings}
    with pytest.warns(seqsave.SeqSaveWarning, match="beside it"):
        seqsave.save([picture(1)], place.url, metadata={"workflow": "x" * 70_000}, **embedding)
    seqsave.save([picture(2)], place.url, metadata={"seed": 7}, **embedding)
    assert seqsave.open_sequence(place.url, **settings)[0].read_metadata() == {"seed": 7}


def test_an_encoder_that_fails_leaves_nothing_behind(place: Place, settings: dict[str, Any]) -> None:
    spec = seqsave.EncoderSpec(
        filetype="broken", extensions=("broken",), encoder=f"{__name__}:BrokenEncoder", dtypes=("uint8",)
    )
    seqsave.register_encoder(spec)
    try:
        with pytest.raises(seqsave.SaveError, match=r"frame 1: the encoder of 'broken' failed: OSError: disk on fire"):
            with seqsave.open_writer(place.url, filetype="broken", concurrency=1, **settings) as writer:
                writer.write(picture(0))
                writer.write(picture(1))
    finally:
        seqsave.unregister_encoder("broken")
    assert place.frames() == ["frame_00000.broken"]


class BrokenEncoder:
    def encode(self, image: np.ndarray[Any, Any], **_: Any) -> seqsave.Encoded:
        if image[0, 0, 0] == 1:
            raise OSError("disk on fire")
        return seqsave.Encoded(data=b"fine")


def test_files_that_are_encoded_already_are_kept_byte_for_byte(place: Place, settings: dict[str, Any]) -> None:
    with seqsave.open_writer(place.url, filetype="jpg", start=5, **settings) as writer:
        writer.write_encoded(b"\xff\xd8 as it is")
    assert place.read("frame_00005.jpg") == b"\xff\xd8 as it is"


@pytest.mark.every_day
def test_many_at_once_from_several_threads(place: Place, settings: dict[str, Any]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with seqsave.open_writer(place.url, **settings) as writer, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: writer.write(picture(i % 256), index=i), range(64)))
    assert len(place.frames()) == 64
    assert all(int(pixels(place, f"frame_{i:05d}.png")[0, 0, 0]) == i for i in range(64))


def test_the_write_after_a_failure_leads_to_the_same_error(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture(1)], place.url, start=2, **settings)
    with pytest.raises(seqsave.SaveError, match="frame 2: ") as caught:
        seqsave.save([picture(5)] * 9, place.url, if_exists="error", concurrency=1, **settings)
    assert caught.value.result is not None
    assert caught.value.result.counts == {"saved": 2, "skipped": 0, "stopped": 0, "spooled": 0, "failed": 1}
    assert place.frames() == [f"frame_{i:05d}.png" for i in range(3)]

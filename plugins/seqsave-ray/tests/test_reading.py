"""Sequences become datasets, on the real engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pieces import picture
from seqsave_ray import SequenceDatasource, read_sequence, write_sequence
from tests.support.proxy import Proxy

import seqsave

if TYPE_CHECKING:
    from tests.support.places import Place

    from conftest import S3Server


def save(url: str, indices: Any = range(12), **settings: Any) -> None:
    with seqsave.open_writer(url, filetype="png", **settings) as writer:
        for index in indices:
            writer.write(picture(index), index=index)


def test_each_frame_is_a_row(engine: Any, place: Place) -> None:
    save(place.url)
    dataset = read_sequence(place.url)
    assert dataset.count() == 12
    rows = sorted(dataset.take_all(), key=lambda row: row["index"])
    assert list(rows[0]) == ["image", "index", "batch", "name", "path"]
    assert [row["index"] for row in rows] == list(range(12))
    for row in rows:
        assert np.array_equal(row["image"], picture(row["index"]))
        assert (row["name"], row["batch"]) == (f"frame_{row['index']:05d}.png", None)
        assert row["path"].endswith(f"/{row['name']}")


def test_the_folder_is_listed_once_and_only_asked_columns_are_read(engine: Any, s3_server: S3Server) -> None:
    url = s3_server.new_prefix()
    save(url, storage_options=s3_server.storage_options)
    with Proxy(s3_server.endpoint_url) as proxy:
        options = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
        source = SequenceDatasource(url, storage_options=options)
        listed = len(proxy.requests)
        for parallelism in (1, 4, 100):
            tasks = source.get_read_tasks(parallelism)
            assert sum(task.metadata.num_rows for task in tasks) == 12
            assert len(tasks) == min(parallelism, 12)
            # As the manifest states it, without a frame.
            assert sum(task.metadata.size_bytes for task in tasks) == source.estimate_inmemory_data_size()
            assert tasks[0].schema.names == ["image", "index", "batch", "name", "path"]
            assert tuple(tasks[0].schema.field("image").type.shape) == (16, 24, 3)
        assert len(proxy.requests) == listed
        assert 12 * 16 * 24 * 3 <= source.estimate_inmemory_data_size() <= 12 * (16 * 24 * 3 + 200)
        assert s3_server.secret not in f"{source!r} {source}"
        dataset = read_sequence(url, columns=["name", "index"], storage_options=options)
        assert dataset.schema().names == ["name", "index"]
        assert [row["index"] for row in dataset.take_all()] == list(range(12))
        assert not proxy.count("GET", r"\.png$")
        assert read_sequence(url, columns=["image"], frames="3", storage_options=options).take_all()[0].keys() == {
            "image"
        }
        assert proxy.count("GET", r"\.png$") == 1


def test_without_a_manifest(engine: Any, tmp_path: Path) -> None:
    save(str(tmp_path / "shot"), manifest=False)
    source = SequenceDatasource(tmp_path / "shot")
    assert source.get_read_tasks(2)[0].schema is None
    assert source.estimate_inmemory_data_size() > 12 * 16 * 24 * 3
    assert read_sequence(tmp_path / "shot").count() == 12


@pytest.mark.filterwarnings("ignore:.*frames that `total` states:seqsave.SeqSaveWarning")
def test_gaps_are_named(engine: Any, tmp_path: Path) -> None:
    save(str(tmp_path / "shot"), [0, 1, 3, 4], total=9)
    with pytest.warns(seqsave.SeqSaveWarning, match=r"lacks frames 2,5-8: "):
        dataset = read_sequence(tmp_path / "shot", columns=["index"])
    assert [row["index"] for row in dataset.take_all()] == [0, 1, 3, 4]
    for frames in ("3-4", [4, 3], range(3, 5)):
        dataset = read_sequence(tmp_path / "shot", columns=["index"], frames=frames)
        assert [row["index"] for row in dataset.take_all()] == [3, 4]
    with pytest.raises(seqsave.SequenceNotFoundError, match=r"has no frames 2,5: there are 0-1,3-4"):
        read_sequence(tmp_path / "shot", frames=[1, 2, 5])


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"columns": ["picture"]}, seqsave.OptionError),
        ({"columns": []}, seqsave.OptionError),
        ({"columns": ["index", "index"]}, seqsave.OptionError),
        ({"frames": "x"}, seqsave.FrameNameError),
        ({"frames": 3}, seqsave.FrameNameError),
        ({"frames": []}, seqsave.OptionError),
    ],
)
def test_bad_calls_are_refused(tmp_path: Path, given: dict[str, Any], error: type[Exception]) -> None:
    save(str(tmp_path / "shot"), range(2))
    with pytest.raises(error):
        SequenceDatasource(tmp_path / "shot", **given)
    with pytest.raises(seqsave.SequenceNotFoundError):
        SequenceDatasource(tmp_path / "nothing")


@pytest.mark.filterwarnings("ignore:frame:seqsave.SeqSaveWarning")  # frames of several sizes
def test_variations_and_sizes(engine: Any, tmp_path: Path) -> None:
    url = str(tmp_path / "shot")
    with seqsave.open_writer(url, filetype="png") as writer:
        for index in range(6):
            for batch in range(2):
                image = np.full((4 + index // 3, 6, 3), 10 * index + batch, np.uint8)
                writer.write(image, index=index, batch=batch)
    rows = read_sequence(url, override_num_blocks=2).take_all()
    keys = [(row["index"], row["batch"]) for row in rows]
    assert sorted(keys) == [(index, batch) for index in range(6) for batch in range(2)]
    for row in rows:
        assert (row["image"] == 10 * row["index"] + row["batch"]).all()
        assert row["image"].shape == (4 + row["index"] // 3, 6, 3)
        assert row["name"] == f"batch_{row['batch']:04d}/frame_{row['index']:05d}.png"


@pytest.mark.filterwarnings("ignore:frame 1. has 3 channels of uint16:seqsave.SeqSaveWarning")
def test_frames_of_several_dtypes_are_refused(engine: Any, tmp_path: Path) -> None:
    for manifest in (True, False):
        url = tmp_path / str(manifest)
        with seqsave.open_writer(url, filetype="png", manifest=manifest) as writer:
            for dtype in (np.uint8, np.uint16):
                writer.write(np.zeros((4, 4, 3), dtype))
        with pytest.raises(seqsave.ImageError, match=r"00000\.png has the dtype uint8 and frame_00001\.png uint16"):
            read_sequence(url, override_num_blocks=1).take_all()
        assert [row["image"].dtype for row in read_sequence(url, frames=[1]).take_all()] == [np.uint16]
        assert read_sequence(url, columns=["name"]).count() == 2


@pytest.mark.filterwarnings("ignore:frame:seqsave.SeqSaveWarning")
def test_a_manifest_that_is_out_of_date(engine: Any, tmp_path: Path) -> None:
    save(str(tmp_path / "shot"), range(3))
    seqsave.save(np.zeros((1, 9, 5, 3), np.uint8), tmp_path / "shot", filetype="png", start=1, manifest=False)
    rows = read_sequence(tmp_path / "shot", override_num_blocks=1).take_all()
    assert [row["image"].shape for row in rows] == [(16, 24, 3), (9, 5, 3), (16, 24, 3)]


def test_a_damaged_file_is_named(engine: Any, tmp_path: Path) -> None:
    save(str(tmp_path / "shot"), range(3))
    file = tmp_path / "shot" / "frame_00001.png"
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(Exception, match=r"frame_00001\.png"):
        read_sequence(tmp_path / "shot").take_all()


def test_there_and_back(engine: Any, tmp_path: Path) -> None:
    save(str(tmp_path / "a"), range(5))
    dataset = read_sequence(tmp_path / "a").map(lambda row: {**row, "image": 255 - row["image"]})
    made = write_sequence(dataset, tmp_path / "b", batch="batch", filetype="png", total=5)
    assert made.complete
    assert np.array_equal(seqsave.open_sequence(tmp_path / "b")[4].read(), 255 - picture(4))

"""The manifest of an animation that comes frame by frame, and the fingerprint of a graph."""

from __future__ import annotations

import io
import uuid
from typing import TYPE_CHECKING, Any

import av
import pytest
import torch
from comfyui_seqsave import manifests
from comfyui_seqsave.nodes.frames import SaveFrames
from comfyui_seqsave.nodes.saver import ImageSequenceSaver
from comfyui_seqsave.objects import FrameCounter

import seqsave
from seqsave import manifest
from seqsave.sequences.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from comfyui_seqsave import host

    Write = Callable[[str], int]


@pytest.fixture(params=["", "ram://shot"])
def folder(request: pytest.FixtureRequest, folders: host.Folders, write_config: Write) -> str:
    write_config(f'[targets.ram]\nurl = "memory://manifests-{uuid.uuid4().hex}"')
    _forget()
    return str(request.param)


def _forget() -> None:
    manifests._seen.clear()


def save(
    folder: str,
    index: int,
    total: int = 3,
    images: Any = None,
    filetype: str = "png",
    at_end: str = "stop output",
    **more: Any,
) -> Any:
    pictures = torch.rand(1, 4, 6, 3) if images is None else images
    counter = FrameCounter(index, total, 24.0)
    return ImageSequenceSaver().save(counter, pictures, folder, "frame", 5, at_end, filetype, **more)


def found(folder: str, folders: host.Folders) -> manifest.Manifest | None:
    return seqsave.open_sequence(folder or folders.output, prefix="frame").manifest


def test_it_is_written_with_the_last_frame(folder: str, folders: host.Folders) -> None:
    for index in range(3):
        save(folder, index, prompt={"1": index}, filetype="png with embedded workflow")
        one = found(folder, folders)
        assert (one is not None) == (index == 2)
    assert one is not None
    assert (one.complete, one.total, one.rate, one.metadata) == (True, 3, 24, {"prompt": {"1": 2}})
    data = [frame.read_bytes() for frame in seqsave.open_sequence(folder or folders.output)]
    assert [frame.size for frame in one.frames] == [len(each) for each in data]
    assert all(frame.checksum for frame in one.frames)
    assert verify(seqsave.open_sequence(folder or folders.output), deep=True).ok


def test_frames_of_before_a_restart_are_known_by_their_size(folder: str, folders: host.Folders) -> None:
    save(folder, 0)
    save(folder, 1)
    _forget()
    save(folder, 2)
    one = found(folder, folders)
    assert one is not None
    assert one.complete
    assert [frame.checksum is None for frame in one.frames] == [True, True, False]


def test_a_gap_is_reported(folder: str, folders: host.Folders) -> None:
    save(folder, 0)
    log = save(folder, 2)["result"][1]
    one = found(folder, folders)
    assert one is not None
    assert not one.complete
    assert any("Not complete: frames are missing: 1" in text for _, text in log.get_filtered_entries(0))
    save(folder, 1)  # later, by itself
    again = found(folder, folders)
    assert again is not None
    assert again.complete


def test_variations(folder: str, folders: host.Folders) -> None:
    for index in range(2):
        save(folder, index, 2, torch.rand(2, 4, 6, 3))
    one = found(folder, folders)
    assert one is not None
    assert one.complete
    assert [frame.name for frame in one.frames][:2] == ["batch_0000/frame_00000.png", "batch_0001/frame_00000.png"]


def test_an_animation_that_is_rendered_again(folder: str, folders: host.Folders) -> None:
    for _ in range(2):
        for index in range(3):
            save(folder, index)
            again = found(folder, folders)
    assert again is not None
    assert again.complete


def test_a_shorter_animation_over_a_longer_one_is_not_called_whole(folder: str, folders: host.Folders) -> None:
    for index in range(5):
        save(folder, index, 5)
    for index in range(3):
        warned = save(folder, index, 3)["ui"].get("warnings", [])
    assert warned == ["Not complete: frames of an older run are outside of the last one's range: 3-4"]
    one = found(folder, folders)
    assert one is not None
    assert (one.complete, [frame.index for frame in one.outside]) == (False, [3, 4])


@pytest.mark.filterwarnings("ignore:other frames of this name lie outside of batch:seqsave.SeqSaveWarning")
@pytest.mark.parametrize("batches", [1, 2])
def test_the_movie_of_a_shorter_animation_holds_its_own_frames(
    folder: str, folders: host.Folders, batches: int
) -> None:
    """A consumer of ``sequence`` gets each file of the prefix, and the page that plays them too."""
    for index in range(5):
        save(folder, index, 5, torch.zeros(1, 64, 64, 3), preview="mp4")
    for index in range(3):
        done = save(folder, index, 3, torch.ones(batches, 64, 64, 3), preview="mp4")
    target = seqsave.open_sequence(folder or folders.output, prefix="frame").target
    assert target is not None
    with av.open(io.BytesIO(target.read("frame.mp4"))) as movie:
        shown = [frame.to_ndarray(format="rgb24").mean() > 128 for frame in movie.decode(video=0)]
    assert shown == [True] * 3
    assert sorted(done["result"][0].frames) == ([0, 1, 2, 3, 4] if batches == 1 else [0, 1, 2])
    named = [text for text in done["ui"]["warnings"] if "other frames of this name lie outside of batch" in text]
    assert len(named) == (batches == 2)


@pytest.mark.filterwarnings("ignore:frames that no run recorded:seqsave.SeqSaveWarning")
def test_frames_after_the_last_one_that_no_animation_recorded_are_named(folder: str, folders: host.Folders) -> None:
    save(folder, 4, 9)  # of one that was interrupted
    for index in range(3):
        warned = save(folder, index, 3)["ui"].get("warnings", [])
    assert "Frames after the last one lie beside those of this animation: frame 4" in warned
    one = found(folder, folders)
    assert one is not None
    assert [frame.index for frame in one.frames] == [0, 1, 2]


@pytest.mark.filterwarnings("ignore:frames that no run recorded:seqsave.SeqSaveWarning")
def test_of_an_animation_with_a_gap_they_are_named_too(folder: str, folders: host.Folders) -> None:
    save(folder, 4, 9, also_as="jpg")
    save(folder, 0, 3, also_as="jpg")
    warned = save(folder, 2, 3, also_as="jpg")["ui"]["warnings"]
    gap, beyond = "frames are missing: 1", "Frames after the last one lie beside those of this animation: frame 4"
    assert [gap in line for line in warned if "Not complete" in line] == [True]
    assert warned.count(beyond) == 1


def test_frames_after_the_end_are_those_of_the_animation_if_the_graph_saves_them(
    folder: str, folders: host.Folders
) -> None:
    for index in (3, 0, 1, 2):
        ui = save(folder, index, 3, at_end="keep going")["ui"]
    assert "warnings" not in ui
    one = found(folder, folders)
    assert one is not None
    assert [frame.index for frame in one.frames] == [0, 1, 2, 3]


def test_a_manifest_that_cannot_be_written_is_no_reason_to_stop(
    folder: str, folders: host.Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise seqsave.TargetError("not today")

    monkeypatch.setattr(manifest, "merge_into", refuse)
    log = save(folder, 0, 1)["result"][1]
    assert [text for _, text in log.get_filtered_entries(0)][-1] == "The manifest could not be written: not today"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch, folder: str, folders: host.Folders) -> None:
    monkeypatch.setattr(manifests, "_MOST", 2)
    for number in range(4):
        counter = FrameCounter(0, 2, 24.0)
        ImageSequenceSaver().save(counter, torch.rand(1, 4, 6, 3), folder, f"p{number}", 5, "stop output", "png")
    assert [key[1] for key in manifests._seen] == [".seqsave/p2.png.json", ".seqsave/p3.png.json"]


def test_save_frames_keeps_a_recipe(folder: str, folders: host.Folders) -> None:
    def run(prompt: Any, if_exists: str = "skip same recipe") -> list[str]:
        node = SaveFrames()
        outputs = node.save(torch.rand(3, 4, 6, 3), folder, "frame", 0, 5, "png", if_exists, prompt=prompt)
        return [text.split()[0] for _, text in outputs["result"][3].get_filtered_entries(0)]

    graph = {"1": {"class_type": "A", "inputs": {"seed": 1, "b": 2}}}
    assert run(graph) == ["Saved"] * 3
    assert run({"1": {"inputs": {"b": 2, "seed": 1}, "class_type": "A"}}) == ["Kept"] * 3
    assert run({"1": {"class_type": "A", "inputs": {"seed": 2, "b": 2}}}) == ["Saved"] * 3
    assert run(graph, "skip valid") == ["Kept"] * 3
    with pytest.raises(seqsave.OptionError, match="needs a `recipe`"):
        run(None)
    one = found(folder, folders)
    assert one is not None
    assert one.complete
    assert str(one.recipe).startswith("sha256:")


def test_a_single_image_of_save_frames_has_a_manifest_too(folder: str, folders: host.Folders) -> None:
    SaveFrames().save(torch.rand(1, 4, 6, 3), folder, "frame", 0, 5, "png", "overwrite", prompt={"1": 2})
    one = found(folder, folders)
    assert one is not None
    assert one.complete


@pytest.mark.parametrize("images", [torch.rand(0, 4, 6, 3), [torch.rand(0, 4, 6, 3)], []])
def test_save_frames_says_that_it_got_no_picture(images: Any, folders: host.Folders) -> None:
    done = SaveFrames().save(images, "", "frame", 0, 5, "png", "overwrite")
    assert done["ui"]["warnings"] == ["images is an empty batch: no frame is saved"]
    assert any("no frame is saved" in line for _, line in done["result"][3].get_filtered_entries(0))


def test_the_degrees_of_skip_are_offered() -> None:
    (kinds, _) = SaveFrames.INPUT_TYPES()["required"]["if_exists"]
    assert kinds == ["overwrite", "error", "skip", "skip valid", "skip same recipe", "replace"]

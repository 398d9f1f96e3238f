"""Nodes as a hostile graph would use them: values that no widget gives, since every input can be a socket."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from comfyui_seqsave import NODE_CLASS_MAPPINGS, host
from comfyui_seqsave.access import RefusedError
from comfyui_seqsave.nodes.fetch import FetchSequence
from comfyui_seqsave.nodes.frames import LoadFrames, SaveFrames
from comfyui_seqsave.nodes.loader import ImageSequenceLoader
from comfyui_seqsave.nodes.saver import ImageSequenceSaver
from comfyui_seqsave.objects import AnimationSequence, FrameCounter
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

import seqsave
from seqsave import FrameNameError, SeqSaveError, SequenceNotFoundError

Write = Callable[[str], int]

IMAGE = torch.rand(1, 4, 6, 3)


def save(directory: str = "", prefix: str = "frame", **settings: Any) -> dict[str, Any]:
    given = {"digits": 5, "at_end": "stop output", "filetype": "png", **settings}
    counter = given.pop("counter", None) or FrameCounter(0, 100, 25)
    return ImageSequenceSaver().save(counter, given.pop("image", IMAGE), directory, prefix, **given)


def save_frames(directory: str, prefix: str = "frame", start: int = 0, count: int = 3) -> dict[str, Any]:
    images = torch.rand(count, 4, 6, 3)
    return SaveFrames().save(images, directory, prefix, start, 5, "png", "overwrite")


def save_lists(images: list[Any], **lists: Any) -> dict[str, Any]:
    """Save Frames as ComfyUI calls it: each input is a list."""
    given = {"directory_path": [""], "prefix": ["frame"], "start": [0], "digits": [5], "filetype": ["png"]}
    return SaveFrames().save(images, **{**given, "if_exists": ["overwrite"], **lists})


def load(directory: str = "", start: int = -1, count: int = 0, step: int = 1, missing: str = "error") -> Any:
    return LoadFrames().load(directory, "", start, count, step, missing)["result"]


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def outside(folders: host.Folders, tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    return tmp_path / "outside"


# --- saving ---


@pytest.mark.parametrize("directory", ["{outside}", "../outside", "~/x", "s3://bucket/x", "file://{outside}", "link"])
def test_no_saver_leaves_the_allowed_folders(folders: host.Folders, outside: Path, directory: str) -> None:
    Path(folders.output, "link").symlink_to(outside)
    directory = directory.format(outside=outside)
    for node in (ImageSequenceSaver, SaveFrames):
        stated = node.VALIDATE_INPUTS(directory_path=directory, prefix="frame", filetype="png", options="")
        assert isinstance(stated, str), "reported before anything is rendered"
    for call in (save, save_frames):
        with pytest.raises(RefusedError):
            call(directory)
    assert files_in(outside) == []


@pytest.mark.parametrize(
    "prefix",
    [
        *(
            "../outside/x",
            "..",
            "a/../../outside/x",
            "/etc/x",
            "{outside}/x",
            "link/x",
            "a\\..\\b",
            "a//b",
            "a/",
            ".",
        ),
        *("a\x00b", "a\nb", ".seqsave/x", "x" * 300, "a/" * 100_000 + "x", "\ud800"),
    ],
)
def test_no_prefix_leaves_the_target(folders: host.Folders, outside: Path, prefix: str) -> None:
    Path(folders.output, "link").symlink_to(outside)
    prefix = prefix.format(outside=outside)
    for node in (ImageSequenceSaver, SaveFrames):
        assert isinstance(node.VALIDATE_INPUTS("", prefix, "png", ""), str)
    for call in (save, save_frames):
        with pytest.raises(SeqSaveError) as caught:
            call("", prefix)
        assert len(str(caught.value)) < 1000
    assert files_in(outside) == []
    assert files_in(Path(folders.output)) == []


def test_an_empty_prefix_stays_in_the_folder(folders: host.Folders) -> None:
    assert ImageSequenceSaver.VALIDATE_INPUTS("", "", "png", "") is True
    save("", "")
    assert Path(folders.output, "_00000.png").is_file()


def test_planted_batch_folder(folders: host.Folders, outside: Path) -> None:
    Path(folders.output, "batch_0001").symlink_to(outside)
    with pytest.raises(RefusedError):
        save(image=IMAGE.repeat(2, 1, 1, 1))
    assert files_in(outside) == []
    assert files_in(Path(folders.output)) == [], "not half of it either"
    save()


def test_planted_file_is_replaced_and_not_followed(folders: host.Folders, outside: Path) -> None:
    (outside / "victim").write_bytes(b"mine")
    planted = Path(folders.output, "frame_00000.png")
    planted.symlink_to(outside / "victim")
    save()
    assert (outside / "victim").read_bytes() == b"mine"
    assert not planted.is_symlink()
    assert seqsave.open_sequence(folders.output).indices == (0,)


def test_planted_folder_for_what_does_not_fit(folders: host.Folders, outside: Path) -> None:
    Path(folders.output, ".seqsave").symlink_to(outside)
    with pytest.raises(RefusedError):
        save(filetype="jpg", prompt={"1": "x" * 70_000})
    assert files_in(outside) == []


def test_planted_frames_are_no_part_of_a_finished_sequence(folders: host.Folders, outside: Path) -> None:
    (outside / "frame_00000.png").write_bytes(b"secret")
    Path(folders.output, "frame_00000.png").symlink_to(outside / "frame_00000.png")
    with pytest.raises(RefusedError):
        save(counter=FrameCounter(1, 2, 25))


@pytest.mark.parametrize(
    ("current", "total", "rate"),
    [
        *((-1, 10, 25), (2**63, 2**64, 25), (10**400, 10**401, 25), (0, -1, 25), (0, 10, 0), (0, 10, -1)),
        *((0, 10, float("nan")), (0, 10, float("inf")), (0, 10**30, 25)),
    ],
)
def test_counters_from_elsewhere(folders: host.Folders, current: Any, total: Any, rate: Any) -> None:
    counter = SimpleNamespace(current_frame=current, total_frames=total, frames_per_second=rate)
    with pytest.raises(SeqSaveError):
        save(counter=counter)
    assert files_in(Path(folders.output)) == []


@pytest.mark.parametrize("filetype", ["", "nosuch", "png ", "../png", "png\x00", "png/../../x", "dpx", "p" * 100_000])
def test_filetypes_that_are_none(folders: host.Folders, filetype: str) -> None:
    assert isinstance(ImageSequenceSaver.VALIDATE_INPUTS("", "frame", filetype, ""), str)
    with pytest.raises(SeqSaveError):
        save(filetype=filetype)


@pytest.mark.parametrize("options", ["quality=1e999", "quality=-1", "quality=nan", "x=1", "__class__=1", "a" * 100_000])
def test_options_that_are_none(folders: host.Folders, options: str) -> None:
    assert isinstance(ImageSequenceSaver.VALIDATE_INPUTS("", "frame", "jpg", options), str)
    with pytest.raises(SeqSaveError) as caught:
        save(filetype="jpg", options=options)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("text", [None, 7, {"a": 1}, b"x"])
def test_names_and_folders_that_are_no_text(folders: host.Folders, text: Any) -> None:
    for call in (save, save_frames):
        with pytest.raises(SeqSaveError):
            call(text)
        with pytest.raises(SeqSaveError):
            call("", text)
    assert files_in(Path(folders.output)) == []


@pytest.mark.parametrize("images", [torch.zeros(4, 6, 3), torch.zeros(6), torch.zeros(1, 1, 4, 6, 3), None, "x", 7])
def test_images_that_are_none(folders: host.Folders, images: Any) -> None:
    for call in (lambda: save(image=images), lambda: SaveFrames().save(images, "", "frame", 0, 5, "png", "overwrite")):
        with pytest.raises(seqsave.ImageError):
            call()
    assert files_in(Path(folders.output)) == []


@pytest.mark.parametrize("prefix", ["frame", "sub/frame"])
def test_a_batch_without_images(folders: host.Folders, prefix: str) -> None:
    nothing = torch.zeros(0, 4, 6, 3)
    assert save(prefix=prefix, image=nothing)["ui"]["text"] == []
    assert SaveFrames().save(nothing, "", prefix, 0, 5, "png", "overwrite")["ui"]["text"] == []
    assert SaveFrames().save([], [""], [prefix], [0], [5], ["png"], ["overwrite"])["ui"]["text"] == []


@pytest.mark.parametrize(
    "value", ["../outside/x", "/etc/x", "a/b", "..", ".hidden", "~", "x\x00y", "s3://bucket", "a" * 999]
)
@pytest.mark.parametrize("where", ["directory", "prefix"])
def test_values_of_the_graph_make_no_folders(folders: host.Folders, tmp_path: Path, value: str, where: str) -> None:
    graph = {"1": {"class_type": "Text", "inputs": {"text": value}}}
    given = {"directory": "%Text.text%", "prefix": "frame"} if where == "directory" else {"prefix": "%Text.text%"}
    try:
        (url,) = save(**given, prompt=graph)["ui"]["text"]
    except SeqSaveError:
        return
    assert len(Path(url).relative_to(folders.output).parts) == (2 if where == "directory" else 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml", "input", "output", "temp"]


@pytest.mark.parametrize("digits", [-1, 33, 2**31, 10**30])
def test_digits_that_are_none(folders: host.Folders, digits: int) -> None:
    with pytest.raises(FrameNameError):
        save(digits=digits)


values = st.text(max_size=30) | st.sampled_from(
    ["", "..", "/", "~", "a/b", "{0}", "%s", "s3://b", "x://y", "file://", "*", "png", "jpg", "quality=1", "\x00"]
)


@rules(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(directory=values, prefix=values, filetype=values | st.just("png"), options=values | st.just(""))
def test_whatever_a_graph_contains_is_saved_inside_or_reported(
    folders: host.Folders, tmp_path: Path, directory: str, prefix: str, filetype: str, options: str
) -> None:
    stated = ImageSequenceSaver.VALIDATE_INPUTS(directory, prefix, filetype, options)
    assert stated is True or (isinstance(stated, str) and stated)
    try:
        shown = save(directory, prefix, filetype=filetype, options=options)
    except SeqSaveError:
        pass
    else:
        assert stated is True, "what is refused is refused before anything is rendered"
        (url,) = shown["ui"]["text"]
        assert os.path.realpath(url).startswith(os.path.realpath(folders.output) + os.sep)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml", "input", "output", "temp"]


# --- lists: each item has a name and a folder of its own ---


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("directory", ["{outside}", "../outside", "~/x", "s3://bucket/x", "file://{outside}", "link"])
def test_no_item_of_a_list_leaves_the_allowed_folders(
    folders: host.Folders, outside: Path, directory: str, place: int
) -> None:
    Path(folders.output, "link").symlink_to(outside)
    listed = ["a", "b", "c"]
    listed[place] = directory.format(outside=outside)
    with pytest.raises(SeqSaveError):
        save_lists([IMAGE] * 3, directory_path=listed)
    assert files_in(outside) == []
    assert files_in(Path(folders.output)) == [], "not even those before it"


@pytest.mark.parametrize(
    "prefix", ["../outside/x", "a/../../outside/x", "{outside}/x", "link/x", "x\x00y", ".hidden", "a/"]
)
def test_no_prefix_of_a_list_leaves_the_target(folders: host.Folders, outside: Path, prefix: str) -> None:
    Path(folders.output, "link").symlink_to(outside)
    with pytest.raises(SeqSaveError):
        save_lists([IMAGE] * 2, prefix=["fine", prefix.format(outside=outside)])
    assert files_in(outside) == []
    assert files_in(Path(folders.output)) == []


@pytest.mark.parametrize(
    "odd",
    [
        *({"digits": [5, -1]}, {"digits": [5, "x"]}, {"start": [0, -7]}, {"start": [0, None]}, {"start": [0, 10**30]}),
        *({"filetype": ["png", "exe"]}, {"if_exists": ["overwrite", "nonsense"]}, {"options": ["", "quality"]}),
        *({"prefix": ["a", 5]}, {"directory_path": ["a", None]}, {"frames_per_second": [24.0, -1.0]}),
    ],
)
def test_lists_of_values_that_are_none(folders: host.Folders, odd: dict[str, Any]) -> None:
    with pytest.raises(SeqSaveError):
        save_lists([IMAGE] * 2, **odd)
    assert files_in(Path(folders.output)) == []


@pytest.mark.parametrize("images", [[IMAGE, None], [IMAGE, IMAGE[0]], [IMAGE, "x"], [[IMAGE]], [IMAGE, {}]])
def test_items_that_are_no_images(folders: host.Folders, images: list[Any]) -> None:
    with pytest.raises(SeqSaveError):
        save_lists(images)
    assert files_in(Path(folders.output)) == []


lists = st.lists(values, min_size=1, max_size=3)


@pytest.mark.filterwarnings("ignore:frames of an older run:seqsave.SeqSaveWarning")  # examples share a folder
@rules(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(directory=lists, prefix=lists, count=st.integers(0, 3))
def test_whatever_lists_hold_is_saved_inside_or_reported(
    folders: host.Folders, tmp_path: Path, directory: list[str], prefix: list[str], count: int
) -> None:
    try:
        shown = save_lists([IMAGE] * count, directory_path=directory, prefix=prefix)
    except SeqSaveError:
        pass
    else:
        root = os.path.realpath(folders.output) + os.sep
        assert all(os.path.realpath(url).startswith(root) for url in shown["ui"]["text"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml", "input", "output", "temp"]


# --- loading ---


@pytest.mark.parametrize("directory", ["{outside}", "../outside", "file://{outside}", "link", "s3://b/x", "/", "~"])
def test_no_loader_leaves_the_allowed_folders(folders: host.Folders, outside: Path, directory: str) -> None:
    seqsave.save([IMAGE[0]], outside, prefix="secret")
    Path(folders.output, "link").symlink_to(outside)
    directory = directory.format(outside=outside)
    counter = FrameCounter(0, 1, 25)
    directory_counter = NODE_CLASS_MAPPINGS["Frame Counter (Directory) [seqsave]"]
    assert isinstance(LoadFrames.VALIDATE_INPUTS(directory, ""), str)
    assert isinstance(ImageSequenceLoader.VALIDATE_INPUTS(directory, "*"), str)
    assert isinstance(directory_counter.VALIDATE_INPUTS(directory, "*"), str)
    for call in (
        lambda: load(directory),
        lambda: LoadFrames.IS_CHANGED(directory, ""),
        lambda: ImageSequenceLoader().result(counter, directory, "*", "numeric", IMAGE),
        lambda: directory_counter().result(directory, "*", "numeric", 100, 30),
    ):
        with pytest.raises(RefusedError) as caught:
            call()
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["../outside/secret", "{outside}/secret", "link/secret", "a\x00", "a/" * 100_000])
def test_no_prefix_leads_a_loader_out(folders: host.Folders, outside: Path, prefix: str) -> None:
    seqsave.save([IMAGE[0]], outside, prefix="secret")
    Path(folders.output, "link").symlink_to(outside)
    prefix = prefix.format(outside=outside)
    assert isinstance(LoadFrames.VALIDATE_INPUTS("", prefix), str)
    with pytest.raises(SeqSaveError):
        LoadFrames().load("", prefix, -1, 0, 1, "error")


@pytest.mark.parametrize("missing", ["error", "skip", "repeat previous"])
@pytest.mark.parametrize(
    ("start", "count", "step"), [(0, 2**31 - 1, 1), (0, 10**30, 1), (1, 10**18, 3), (0, 2**31 - 1, 2**31 - 1)]
)
def test_absurd_ranges(folders: host.Folders, start: int, count: int, step: int, missing: str) -> None:
    """An answer, and not the end of memory: the numbers in between are never gone through."""
    save_frames("")
    if missing == "skip" and count < 2**63:
        assert load("", start, count, step, missing)[2] == len(range(start, 3, step))
        return
    with pytest.raises((SequenceNotFoundError, FrameNameError)) as caught:
        load("", start, count, step, missing)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(("start", "count", "step"), [(0, 0, 0), (0, 0, -1), (0, -5, 1), (10, 5, 1), (2**70, 0, 1)])
def test_ranges_that_are_none(folders: host.Folders, start: int, count: int, step: int) -> None:
    save_frames("")
    with pytest.raises((SequenceNotFoundError, FrameNameError)):
        load("", start, count, step, "skip")


def test_a_stray_file_with_an_enormous_number(folders: host.Folders) -> None:
    save_frames("")
    stray = Path(folders.output, f"frame_{2**63 - 1}.png")
    stray.write_bytes(Path(folders.output, "frame_00000.png").read_bytes())
    assert load(missing="skip")[2] == 4
    for missing in ("error", "repeat previous"):
        with pytest.raises((SequenceNotFoundError, FrameNameError)):
            load(missing=missing)


@pytest.mark.parametrize(
    ("start", "count", "step", "missing", "wanted"),
    [
        *((-1, 0, 1, "skip", [2, 3, 6]), (-1, 0, 1, "repeat previous", [2, 3, 3, 3, 6]), (0, 4, 1, "skip", [2, 3])),
        *((0, 4, 1, "repeat previous", [2, 3]), (2, 2, 1, "error", [2, 3]), (2, 0, 4, "error", [2, 6])),
        *((3, 6, 1, "repeat previous", [3, 3, 3, 6, 6, 6]), (2, 4, 2, "repeat previous", [2, 2, 6, 6])),
    ],
)
def test_ranges(folders: host.Folders, start: int, count: int, step: int, missing: str, wanted: list[int]) -> None:
    for index in (2, 3, 6):
        ImageSequenceSaver().save(
            FrameCounter(index, 100, 25), torch.full((1, 2, 2, 3), index / 255), "", "frame", 5, "keep going", "png"
        )
    images, mask, length = load("", start, count, step, missing)
    assert [round(float(image[0, 0, 0]) * 255) for image in images] == wanted
    assert (len(mask), length) == (len(wanted), len(wanted))


# --- sequences from elsewhere ---


def test_fetch_reads_nothing_that_graphs_may_not_reach(folders: host.Folders, outside: Path) -> None:
    seqsave.save([IMAGE[0]], outside, prefix="secret")
    for url in (
        *(f"file://{outside}/secret_00000.png", "../outside/secret_00000.png", "s3://bucket/x.png", "~/x.png"),
        *(
            "https://host/x.png",
            "memory://x/y.png",
            "zip://a.png::s3://b/x.zip",
            "s3://k:SECRET@b/x.png",
            "",
            "x" * 5000,
        ),
    ):
        with pytest.raises(SeqSaveError) as caught:
            FetchSequence().fetch(AnimationSequence(FrameCounter(), {0: [url]}))
        assert "SECRET" not in str(caught.value)
    assert not [path for path in Path(folders.temp).rglob("*") if path.is_file()]


def test_fetch(folders: host.Folders, write_config: Write) -> None:
    write_config('[targets.ram]\nurl = "memory://fetch"')
    save_frames("ram://shot")
    frames = {i: [f"ram://shot/frame_{i:05d}.png", "/a/local.png"] for i in (2, 0, 1)}
    (local,) = FetchSequence().fetch(AnimationSequence(FrameCounter(2, 3, 24), frames))
    assert local.keys_in_order == [0, 1, 2]
    assert local.fps == 24
    assert list(local.get_image_files_of_batch(1)) == ["/a/local.png"] * 3, "local ones are passed on"
    files = list(local.get_image_files_of_batch(0))
    assert [os.path.basename(file) for file in files] == [f"frame_{i:05d}.png" for i in range(3)]
    for file in files:
        assert os.path.realpath(file).startswith(os.path.realpath(folders.temp) + os.sep)
        assert Path(file).read_bytes().startswith(b"\x89PNG")


def test_fetch_of_nothing(folders: host.Folders) -> None:
    sequence = AnimationSequence(FrameCounter())
    assert FetchSequence().fetch(sequence) == (sequence,)
    local = AnimationSequence(FrameCounter(), {0: ["/x/y.png"]})
    assert FetchSequence().fetch(local) == (local,)


# --- existing files that are not pictures ---


def test_decompression_bombs(folders: host.Folders) -> None:
    """A small file that says it is enormous."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")
    Path(folders.output, "frame_00000.png").write_bytes(bomb)
    for call in (load, lambda: ImageSequenceLoader().result(FrameCounter(0, 1, 25), "", "*", "numeric")):
        with pytest.raises(seqsave.DecodeError, match="pixels"):
            call()


def test_errors_hold_nothing_of_the_file(folders: host.Folders) -> None:
    for name in ("frame_00000.png", "other_00000.jpg"):
        Path(folders.output, name).write_bytes(b"SECRET=hunter2\n" * 10)
    for prefix in ("frame", "other"):
        with pytest.raises(SeqSaveError) as caught:
            LoadFrames().load("", prefix, -1, 0, 1, "error")
        assert "hunter2" not in str(caught.value)
    with pytest.raises(SeqSaveError) as caught:
        ImageSequenceLoader().result(FrameCounter(0, 1, 25), "", "frame*", "numeric")
    assert "hunter2" not in str(caught.value)

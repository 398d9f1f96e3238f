"""Saving on behalf of a node: the log, the bar and the interrupt button."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from comfyui_seqsave import host, listing, prompts, saving
from comfyui_seqsave.access import admit
from comfyui_seqsave.objects import LogEntry
from tests.support.patience import PATIENCE

import seqsave

Write = Callable[[str], int]


@pytest.fixture
def shown(folders: host.Folders, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the list of values that ComfyUI's progress bar gets."""
    from comfy import utils

    reported: list[int] = []
    monkeypatch.setattr(utils, "PROGRESS_BAR_HOOK", lambda value, *_, **__: reported.append(value))
    return reported


def save(url: str, images: Any, **settings: Any) -> seqsave.SaveResult:
    return saving.save(admit(url), images, lambda writer, image: [writer.write(image)], **settings)


def test_the_log_names_each_frame(folders: host.Folders, write_config: Write) -> None:
    write_config('[targets.ram]\nurl = "memory://saving"')
    images = torch.rand(2, 4, 4, 3)
    result = save("shot", images)
    assert [text for _, text in saving.log_of(LogEntry(), result)._data] == [
        f"Saved frame_00000.png in {folders.output}/shot",
        f"Saved frame_00001.png in {folders.output}/shot",
    ]
    with pytest.warns(seqsave.SeqSaveWarning, match="NaN"):
        result = save("ram://shot", images * float("nan"), start=4, total=2, digits=2)
    assert [text for _, text in saving.log_of(LogEntry().add("before"), result)._data] == [
        "before",
        "Saved frame_04.png in ram://shot",
        "Saved frame_05.png in ram://shot",
        "frame 4: NaN became 0",
    ]
    result = save("shot", images, start=1, total=1, if_exists="skip")
    assert [text for _, text in saving.log_of(LogEntry(), result)._data] == [
        f"Kept frame_00001.png in {folders.output}/shot",
        "Reached the end of the animation: frame_00002.png is not saved",
    ]


def test_the_bar_reaches_its_end_on_the_nodes_own_thread(shown: list[int]) -> None:
    save("", torch.rand(20, 8, 8, 3))
    assert shown[-1] == 20
    assert shown == sorted(shown)


@pytest.mark.parametrize("target", ["", "ram://x"])
def test_the_interrupt_button(shown: list[int], write_config: Write, folders: host.Folders, target: str) -> None:
    """ComfyUI's own exception comes through, what is saved is whole, and nothing else is left."""
    from comfy import model_management

    write_config('[targets.ram]\nurl = "memory://interrupted"')
    images = torch.rand(30, 64, 64, 3)

    def write(writer: seqsave.SequenceWriter, image: Any) -> Any:
        if len(written) == 5:
            model_management.interrupt_current_processing()
        written.append(writer.write(image))
        return written[-1:]

    written: list[Any] = []
    try:
        with pytest.raises(model_management.InterruptProcessingException):
            saving.save(admit(target), images, write)
    finally:
        model_management.interrupt_current_processing(False)
    assert len(written) == 6, "at once"
    for (picture,) in listing.frames(target, "*", "numeric").values():
        assert picture.read().shape == (64, 64, 3)
    left = [path.name for path in Path(folders.output).rglob("*") if path.is_file() and path.suffix != ".png"]
    assert set(left) <= {"frame.png.json", "frame.png.json.lock"}, "no temporary file"
    if "frame.png.json" in left:  # the run is recorded as interrupted
        assert not json.loads(Path(folders.output, ".seqsave", "frame.png.json").read_text())["complete"]
    for thread in threading.enumerate():
        if thread.name.startswith("seqsave-encode"):
            thread.join(PATIENCE)
            assert not thread.is_alive()


def test_errors_come_through(shown: list[int], folders: host.Folders) -> None:
    save("", torch.rand(3, 4, 4, 3))
    with pytest.raises(seqsave.SaveError, match="already exists"):
        save("", torch.rand(3, 4, 4, 3), start=1, if_exists="error")
    with pytest.raises(seqsave.ImageError):
        save("", torch.rand(3, 4, 4, 9))
    with pytest.raises(seqsave.EndOfSequenceError):
        save("", torch.rand(3, 4, 4, 3), total=2, at_end="raise error")


def test_pictures_wait_within_bounds(folders: host.Folders) -> None:
    place = admit("")
    assert saving._room(place, torch.zeros(1, 2160, 3840, 3)) >= 3
    assert saving._room(place, torch.zeros(1, 1, 1, 3)) <= 256
    assert saving._room(place, []) >= 3
    large = torch.zeros(1, 720, 1280, 3)
    assert saving._room(place, large, 4) == saving._room(place, large) // 4


def test_a_call_does_not_read_the_results_of_those_before_it(
    folders: host.Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prompts.Run(keeps=True)

    def call(start: int, value: float = 0.5) -> seqsave.SaveResult:
        kept = saving.Kept(run, "key", "5", {"start": start})
        images = torch.full((2, 4, 4, 3), value)
        numbers = iter(range(start, start + 2))
        write = lambda writer, image: [writer.write(image, index=next(numbers))]  # noqa: E731
        return saving.save(admit(""), images, write, kept=kept)

    call(0)
    with monkeypatch.context() as patched:
        patched.setattr(seqsave.SequenceWriter, "result", property(lambda _: pytest.fail("all results are copied")))
        with pytest.warns(seqsave.SeqSaveWarning, match="NaN"):
            result = call(2, float("nan"))
        assert [frame.index for frame in result.frames] == [2, 3]
        assert [frame.status for frame in result.frames] == ["saved"] * 2
        assert result.warnings == ("frame 2: NaN became 0",)
        assert call(4).warnings == ()
    assert [(one.node, one.message) for one in run.end(ok=True)] == [("5", "frame 2: NaN became 0")]
    assert len(list(Path(folders.output).glob("*.png"))) == 6


def test_a_frame_that_fails_ends_a_kept_writer(folders: host.Folders) -> None:
    (Path(folders.output) / "frame_00001.png").touch()
    run = prompts.Run(keeps=True)
    numbers = iter(range(3))
    with pytest.raises(seqsave.SaveError, match="already exists"):
        saving.save(
            admit(""),
            torch.rand(3, 4, 4, 3),
            lambda writer, image: [writer.write(image, index=next(numbers))],
            kept=saving.Kept(run, "key", "5", {}),
            if_exists="error",
        )
    assert run.end(ok=True) == []

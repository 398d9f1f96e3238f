"""The metadata of a writer's frames: a warning of metadata that no file holds, and of patterns that match nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.metadata.comfyui import StandingPattern
from seqsave.settings.texts import placed

GREY = np.full((8, 8, 3), 128, np.uint8)
GRAPH = {"prompt": {"9": {"class_type": "Cloud", "inputs": {"api_key": "sk-live-0123456789", "scale": 2}}}}


def warned(folder: Path, **settings: Any) -> tuple[str, ...]:
    return seqsave.save([GREY] * 3, folder, **settings).warnings


@pytest.mark.filterwarnings("ignore::seqsave.SeqSaveWarning")
@pytest.mark.parametrize("filetype", ["png", "jpg", ["png", "jpg"]])
def test_metadata_that_no_file_holds_is_named_once(tmp_path: Path, filetype: Any) -> None:
    (text,) = warned(tmp_path, filetype=filetype, metadata={"workflow": {}, "seed": 1})
    first = filetype if isinstance(filetype, str) else filetype[0]
    assert text.startswith(f"metadata 'workflow', 'seed' are not saved, since file type {first!r} embeds none")
    assert f"`filetype='{first} with embedded workflow'` or `metadata_in='sidecar'`" in text


@pytest.mark.parametrize(
    "settings",
    [
        {"filetype": "png with embedded workflow"},
        {"filetype": ["jpg", "png with embedded workflow"]},
        {"filetype": "jpg", "metadata_in": "sidecar"},
        {"filetype": "jpg", "metadata_in": "none"},
        {"filetype": "jpg", "metadata": None},
    ],
)
def test_no_warning_of_metadata_that_is_saved_or_not_wanted(tmp_path: Path, settings: dict[str, Any]) -> None:
    assert warned(tmp_path, **{"metadata": {"seed": 1}, **settings}) == ()


CHANGED = {
    "metadata stats['psnr'] is inf, and JSON has finite numbers only: it is saved as null. Give None, or a text",
    "metadata stats['steps'] has the key 7, and keys are text in JSON: it is saved as '7'. Give each key as a text",
}
STATS = {"stats": {"psnr": float("inf"), "steps": {7: "a", 8: float("nan")}}}


@pytest.mark.filterwarnings("ignore::seqsave.SeqSaveWarning")
@pytest.mark.parametrize("where", ["each frame", "first frame", "sidecar"])
def test_what_json_cannot_hold_is_named_once(tmp_path: Path, where: Any) -> None:
    assert {*warned(tmp_path / "all", metadata=STATS, metadata_in=where)} == CHANGED
    with seqsave.open_writer(tmp_path / "each", metadata_in=where) as writer:
        for index in range(3):
            writer.write(GREY, metadata=STATS, index=index)
    assert {*writer.result.warnings} == CHANGED
    assert len(writer.result.warnings) == 2


@pytest.mark.parametrize(
    ("metadata", "settings"),
    [
        ({"prompt": {"3": {"class_type": "Load", "is_changed": [float("nan")]}}}, {}),  # a mark of ComfyUI
        (STATS, {"metadata_in": "none"}),
        ({"a": {"1": [1.5, None, True, {"b": ("c",)}]}, "b": 1e308}, {}),
    ],
)
def test_what_json_holds_or_is_not_saved_has_no_warning(
    tmp_path: Path, metadata: dict[str, Any], settings: dict[str, Any]
) -> None:
    assert warned(tmp_path, metadata=metadata, **settings) == ()


def test_a_frames_own_metadata_that_its_file_does_not_hold(tmp_path: Path) -> None:
    writer = seqsave.open_writer(tmp_path, filetype="jpg")
    writer.write(GREY)
    writer.write(GREY, metadata={"seed": 7})
    # It comes with the writer's next call.
    with pytest.warns(seqsave.SeqSaveWarning, match="metadata 'seed' is not saved"):
        writer.write(GREY, metadata={"seed": 8})
    writer.close()
    assert len(writer.result.warnings) == 1


@pytest.mark.filterwarnings("ignore::seqsave.SeqSaveWarning")
def test_patterns_that_match_nothing_are_named_at_the_end(tmp_path: Path) -> None:
    (text,) = warned(tmp_path, metadata=GRAPH, withhold=["*.api_key", "Note.*", "Cluod.scale"])
    assert text == "withhold: 'Note.*', 'Cluod.scale' matched no input of any prompt or workflow"


@pytest.mark.filterwarnings("ignore::seqsave.SeqSaveWarning")
def test_a_pattern_of_a_configuration_need_not_match(tmp_path: Path) -> None:
    standing = StandingPattern("Note.*")
    assert warned(tmp_path, metadata=GRAPH, withhold=[standing]) == ()
    (text,) = warned(tmp_path, metadata=GRAPH, withhold=[standing, "Cluod.scale"])
    assert text == "withhold: 'Cluod.scale' matched no input of any prompt or workflow"


@pytest.mark.filterwarnings("ignore::seqsave.SeqSaveWarning")
@pytest.mark.parametrize(("filetype", "where"), [("jpg", "sidecar"), ("png with embedded workflow", "each frame")])
@pytest.mark.parametrize("name", ["k" * 250, "k" * 5000, "\N{SNOWMAN}" * 100], ids=["a bit", "much", "snow"])
def test_names_that_no_sidecar_can_have_are_refused_at_once(
    tmp_path: Path, filetype: str, where: str, name: str
) -> None:
    with pytest.raises(seqsave.MetadataError, match="is too long: the sidecar of frame_00000"):
        seqsave.open_writer(tmp_path, filetype=filetype, metadata_in=where, metadata={name: 1})
    with seqsave.open_writer(tmp_path, filetype=filetype, metadata_in=where) as writer:
        with pytest.raises(seqsave.MetadataError, match="is too long: the sidecar of frame_00000"):
            writer.write(GREY, metadata={name: 1})
        writer.write(GREY, metadata={"k" * 200: 1})
    assert writer.result.counts["saved"] == 1
    with seqsave.open_writer(tmp_path, filetype="jpg", metadata={name: 1}, metadata_in="none") as writer:
        writer.write(GREY)


def test_a_pattern_may_match_in_any_frame(tmp_path: Path) -> None:
    with seqsave.open_writer(tmp_path, metadata={"seed": 1}, withhold=["Cloud.*"]) as writer:
        writer.write(GREY)
        writer.write(GREY, metadata=GRAPH)
    assert writer.result.warnings == ()


def test_patterns_without_any_metadata_are_no_mistake(tmp_path: Path) -> None:
    assert warned(tmp_path, withhold=["Note.*"]) == ()


@pytest.mark.parametrize("embeds", [True, False])
@pytest.mark.parametrize(
    ("where", "of_first", "of_others", "is_beside"),
    [
        ("each frame", {"shot": "7", "seed": "1"}, {"shot": "7", "seed": "1"}, False),
        ("first frame", {"shot": "7", "seed": "1"}, {"seed": "1"}, False),
        ("sidecar", {"shot": "7", "seed": "1"}, {"seed": "1"}, True),
        ("none", {}, {}, False),
    ],
)
def test_the_place_of_metadata(
    where: Any, of_first: dict[str, str], of_others: dict[str, str], is_beside: bool, embeds: bool
) -> None:
    embedding = seqsave.check_settings(metadata={"shot": 7}, metadata_in=where).embedding
    for is_first, texts in ((True, of_first), (False, of_others)):
        inside, beside = placed(embedding, {"seed": "1"}, is_first=is_first, embeds=embeds)
        assert (inside, beside) == (({}, texts) if is_beside else (texts if embeds else {}, {}))

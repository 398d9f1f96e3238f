"""``seqsave save``: sources, saved files, and messages."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from seqsave import open_sequence, open_writer, save
from seqsave.runtime.retry import RetryPolicy
from seqsave.sequences.progress import progress_of
from tests.cli.runner import options, saved, seqsave
from tests.sources.pictures import WORKFLOW, encode, npy, picture
from tests.sources.test_video import film
from tests.support.clip import CLIP_FRAMES, bigbuckbunny, clip_frames
from tests.support.needs import needs_package

if TYPE_CHECKING:
    from tests.support.places import Place

SAME = "png with embedded workflow"


def pixels(data: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(data)))


def texts(data: bytes) -> dict[str, str]:
    image = Image.open(io.BytesIO(data))
    image.load()
    return dict(image.text)  # type: ignore[attr-defined]


# --- the main job ------------------------------------------------------------------------------------------------


def test_a_video_arrives_pixel_for_pixel(place: Place) -> None:
    needs_package("av")
    document = saved(bigbuckbunny(), place.url, *options(place))
    assert document["counts"] == {"saved": CLIP_FRAMES, "skipped": 0, "stopped": 0, "spooled": 0, "failed": 0}
    assert document["indices"] == f"0-{CLIP_FRAMES - 1}"
    assert document["pattern"] == "frame_#####.png"
    assert document["error"] is None
    assert place.frames() == [f"frame_{n:05}.png" for n in range(CLIP_FRAMES)]
    assert document["size"] == sum(len(place.read(name)) for name in place.frames())
    for index, expected in zip(range(0, CLIP_FRAMES, 40), clip_frames(4, every=40), strict=True):
        assert np.array_equal(pixels(place.read(f"frame_{index:05}.png")), expected)
    assert "0-131 (132 frames)" in seqsave("ls", place.url, *options(place)).out


def test_a_video_as_jpeg_is_close(place: Place) -> None:
    needs_package("av")
    saved(bigbuckbunny(), place.url, "--filetype", "jpg", "--total", 3, *options(place))
    for index, expected in enumerate(clip_frames(3)):
        error = pixels(place.read(f"frame_{index:05}.jpg")).astype(float) - expected
        assert 10 * np.log10(255**2 / (error**2).mean()) >= 40


@pytest.mark.parametrize(
    ("words", "dtype", "warning"),
    [
        (["--filetype", "png"], np.uint16, None),
        (["--filetype", "png", "--dtype", "uint8"], np.uint8, None),
        (["--filetype", "jpg"], np.uint8, "10 bits per channel, and jpg files hold 8: it is read with 8"),
        (
            ["--filetype", "png", "--filetype", "jpg"],
            np.uint8,
            "for all file types: save the others in a call of their own",
        ),
    ],
)
def test_a_video_of_ten_bits(tmp_path: Path, words: list[str], dtype: Any, warning: str | None) -> None:
    film(tmp_path / "clip.mkv", needs_package("av"), codec="ffv1", pix_fmt="yuv420p10le")
    run = seqsave("save", tmp_path / "clip.mkv", tmp_path / "out", *words)
    assert run.status == 0
    assert warning is None or warning in run.err
    assert ("warning" in run.err) is (warning is not None)
    sequence = open_sequence(tmp_path / "out", filetype=words[1])
    assert sequence[0].read().dtype == dtype
    assert len(sequence) == 10


def test_from_storage_to_storage(place: Place, renders: Path) -> None:
    saved(renders, place.url, *options(place))
    back = renders.parent / "back"
    document = saved(place.url, back, *options(place, "--source-storage-option"))
    assert document["indices"] == "3-4,6"
    for path in renders.iterdir():
        assert (back / path.name).read_bytes() == path.read_bytes()


def test_an_array(tmp_path: Path) -> None:
    frames = np.stack([picture(seed) for seed in range(3)])
    (tmp_path / "clip.npy").write_bytes(npy(frames))
    saved(tmp_path / "clip.npy", tmp_path / "out", "--start", 100, "--step", 10, "--digits", 4, "--prefix", "a/b")
    assert sorted(path.name for path in (tmp_path / "out" / "a").glob("b_*")) == [
        "b_0100.png",
        "b_0110.png",
        "b_0120.png",
    ]
    assert np.array_equal(pixels((tmp_path / "out/a/b_0110.png").read_bytes()), frames[1])


def test_a_glob_in_memory(renders: Path) -> None:
    assert saved(f"{renders}/frame_0000[34].png", "memory://glob/x")["indices"] == "3-4"


# --- numbers -----------------------------------------------------------------------------------------------------


def names(folder: Path) -> list[str]:
    """Return every file, without those in ``.seqsave``."""
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.is_file()]
    return sorted(name for name in found if ".seqsave/" not in name)


def test_numbers_and_gaps_are_kept(renders: Path, tmp_path: Path) -> None:
    saved(renders, tmp_path / "out", "--prefix", "shot", "--digits", 4)
    assert names(tmp_path / "out") == ["shot_0003.png", "shot_0004.png", "shot_0006.png"]


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        (["--start", "0"], [0, 1, 3]),
        (["--start", "1001"], [1001, 1002, 1004]),
        (["--start", "-2"], [-2, -1, 1]),
        (["--offset", "100"], [103, 104, 106]),
        (["--offset", "-3"], [0, 1, 3]),
        (["--step", "10"], [3, 13, 23]),
        (["--start", "5", "--step", "2"], [5, 7, 9]),
    ],
)
def test_new_numbers_when_asked_for(renders: Path, tmp_path: Path, arguments: list[str], numbers: list[int]) -> None:
    saved(renders, tmp_path / "out", *arguments)
    wanted = [f"frame_{'-' * (number < 0)}{abs(number):05}.png" for number in numbers]
    assert sorted(names(tmp_path / "out")) == sorted(wanted)


def test_batches_are_kept_and_share_their_new_number(tmp_path: Path) -> None:
    source = tmp_path / "in"
    for batch in (0, 2):
        (source / f"batch_{batch:04}").mkdir(parents=True)
        for number in (7, 9):
            (source / f"batch_{batch:04}" / f"frame_{number:05}.png").write_bytes(encode(picture(batch)))
    saved(source, tmp_path / "same")
    assert names(tmp_path / "same") == names(source)
    saved(source, tmp_path / "new", "--start", 0)
    assert names(tmp_path / "new") == [f"batch_{b:04}/frame_{n:05}.png" for b in (0, 2) for n in (0, 2)]


def test_total_counts_from_the_first_number(renders: Path, tmp_path: Path) -> None:
    result = saved(renders, tmp_path / "out", "--total", 2)
    assert result["counts"] == {"saved": 2, "skipped": 0, "stopped": 1, "spooled": 0, "failed": 0}
    assert names(tmp_path / "out") == ["frame_00003.png", "frame_00004.png"]


@pytest.mark.parametrize("words", ["raise error", "raise-error"])
def test_at_end_may_be_an_error(renders: Path, tmp_path: Path, words: str) -> None:
    result = seqsave("save", renders, tmp_path / "out", "--total", 2, "--at-end", words, status=1)
    assert "frame 6 is after the end" in result.err
    assert "2 frames saved" in result.err
    assert saved(renders, tmp_path / "out", "--total", 2, "--at-end", "keep going")["counts"]["saved"] == 3


# --- byte for byte, and metadata ---------------------------------------------------------------------------------


def test_the_same_format_is_copied_byte_for_byte(renders: Path, tmp_path: Path) -> None:
    saved(renders, tmp_path / "out", "--start", 1)
    for number, path in zip((1, 2, 4), sorted(renders.glob("*.png")), strict=True):
        assert (tmp_path / "out" / f"frame_{number:05}.png").read_bytes() == path.read_bytes()


def test_jpegs_lose_nothing_when_copied(tmp_path: Path) -> None:
    data = encode(picture(1, 64, 64), "jpg", quality=30)
    (tmp_path / "photo_1.jpeg").write_bytes(data)
    saved(tmp_path / "photo_1.jpeg", tmp_path / "out", "--filetype", "jpg")
    assert (tmp_path / "out/frame_00001.jpg").read_bytes() == data
    saved(tmp_path / "photo_1.jpeg", tmp_path / "out", "--filetype", "jpg", "--option", "quality=95")
    assert (tmp_path / "out/frame_00001.jpg").read_bytes() != data


def test_metadata_goes_along_when_the_format_changes(renders: Path, tmp_path: Path) -> None:
    original = texts((renders / "frame_00003.png").read_bytes())["workflow"]
    saved(renders, tmp_path / "jpg", "--filetype", "jpg with embedded workflow")
    assert seqsave("workflow", tmp_path / "jpg/frame_00003.jpg").document == {"workflow": WORKFLOW}
    saved(tmp_path / "jpg", tmp_path / "png", "--filetype", SAME)
    assert texts((tmp_path / "png/frame_00003.png").read_bytes()) == {"workflow": original}  # verbatim


def test_a_bare_filetype_leaves_the_workflow_behind(renders: Path, tmp_path: Path) -> None:
    saved(renders, tmp_path / "out", "--filetype", "png")
    data = (tmp_path / "out/frame_00003.png").read_bytes()
    assert texts(data) == {}
    assert np.array_equal(pixels(data), picture(3))


def test_a_workflow_that_did_not_fit_goes_along(tmp_path: Path) -> None:
    big = {"nodes": ["x" * 90_000]}
    (tmp_path / "wf.json").write_text(json.dumps(big))
    (tmp_path / "a_1.png").write_bytes(encode(picture()))
    embedding = ("--filetype", "jpg with embedded workflow")
    first = saved(tmp_path / "a_1.png", tmp_path / "one", *embedding, "--workflow", tmp_path / "wf.json")
    assert any("fit" in warning for warning in first["warnings"])
    saved(tmp_path / "one", tmp_path / "two", *embedding)  # copied, with what lies beside
    assert (tmp_path / "two/frame_00001.jpg").read_bytes() == (tmp_path / "one/frame_00001.jpg").read_bytes()
    assert seqsave("workflow", tmp_path / "two/frame_00001.jpg").document == {"workflow": big}
    saved(tmp_path / "two", tmp_path / "three", "--filetype", SAME)
    assert json.loads(texts((tmp_path / "three/frame_00001.png").read_bytes())["workflow"]) == big


def test_given_metadata_is_embedded_and_wins(renders: Path, tmp_path: Path) -> None:
    given = ["--metadata", "seed=7", "--metadata", "note=a cat", "--metadata", 'workflow={"mine": true}']
    saved(renders, tmp_path / "out", *given)
    found = seqsave("workflow", tmp_path / "out/frame_00003.png").document
    assert found == {"seed": 7, "note": "a cat", "workflow": {"mine": True}}


def test_metadata_for_a_filetype_that_holds_none(renders: Path, tmp_path: Path) -> None:
    result = seqsave("save", renders, tmp_path / "out", "--filetype", "jpg", "--metadata", "seed=7", status=2)
    assert "'jpg' does not hold seed: use --filetype 'jpg with embedded workflow'" in result.err


# --- existing frames ---------------------------------------------------------------------------------------


def test_skip_resumes(place: Place, renders: Path) -> None:
    place.write("frame_00004.png", b"mine")
    document = saved(renders, place.url, "--if-exists", "skip", *options(place))
    assert document["counts"] == {"saved": 2, "skipped": 1, "stopped": 0, "spooled": 0, "failed": 0}
    assert place.read("frame_00004.png") == b"mine"


def test_error_keeps_existing_frames_and_names_them(place: Place, renders: Path) -> None:
    place.write("frame_00006.png", b"mine")
    result = seqsave("save", renders, place.url, "--if-exists", "error", "--json", *options(place), status=1)
    assert place.read("frame_00006.png") == b"mine"
    assert any(failure["index"] == 6 for failure in result.document["failures"])
    assert "frame_00006.png already exists" in result.document["error"]
    assert result.err.strip().endswith(f"{result.document['error']}\nHelp: {result.document['help']}")
    reported = [result.document["error"], *(failure["error"] for failure in result.document["failures"])]
    assert all("if_exists" not in text for text in reported)
    assert any("use --if-exists overwrite or --if-exists skip" in text for text in reported)


@pytest.mark.parametrize("how", ["itself", "link", "renumbered", "one", "glob", "skip"])
def test_a_source_is_never_overwritten_by_itself(renders: Path, tmp_path: Path, how: str) -> None:
    (tmp_path / "link").symlink_to(renders)
    before = {path: path.read_bytes() for path in renders.iterdir()}
    arguments: list[object] = {
        "itself": [renders, renders],
        "link": [tmp_path / "link", f"{renders.parent}/./old/"],
        "renumbered": [renders, renders, "--start", 4],
        "one": [renders / "frame_00004.png", renders],
        "glob": [f"{renders}/*.png", renders],
        "skip": [renders, renders, "--if-exists", "skip"],
    }[how]
    result = seqsave("save", *arguments, status=2)
    assert "would replace a file of the source itself" in result.err
    assert {path: path.read_bytes() for path in renders.iterdir()} == before


def test_beside_the_source_is_fine(renders: Path) -> None:
    saved(renders, renders, "--filetype", "jpg")
    saved(f"{renders}/frame_#####.png", renders, "--prefix", "other")
    saved(f"{renders}/frame_#####.png", renders, "--start", 100)
    assert len(names(renders)) == 12


def test_only_the_chosen_frames_may_replace_files_of_the_source(renders: Path) -> None:
    before = (renders / "frame_00004.png").read_bytes()
    saved(renders, renders, "--frames", "6", "--offset", 1)
    assert (renders / "frame_00007.png").read_bytes() == (renders / "frame_00006.png").read_bytes()
    assert (renders / "frame_00004.png").read_bytes() == before
    result = seqsave("save", renders, renders, "--frames", "3", "--offset", 1, status=2)
    assert "frame_00004.png would replace a file of the source itself" in result.err


def test_no_frame_is_left_if_only_the_last_one_cannot_be_read(renders: Path, tmp_path: Path) -> None:
    (renders / "frame_00006.png").write_bytes(b"")
    result = seqsave("save", renders, tmp_path / "out", status=1)
    assert names(tmp_path / "out") == ["frame_00003.png", "frame_00004.png"]
    assert "frame_00006.png is empty" in result.err
    assert "--keep-going" not in result.err


@pytest.mark.parametrize("filetype", [[], ["--filetype", "jpg"]])
def test_frames_that_an_unfinished_source_lacks_are_named(tmp_path: Path, filetype: list[str]) -> None:
    save([picture(0), picture(1), picture(2)], tmp_path / "in")
    whole = saved(tmp_path / "in", tmp_path / "whole", *filetype)
    assert whole["warnings"] == []
    (tmp_path / "in" / "frame_00001.png").unlink()
    [warning] = saved(tmp_path / "in", tmp_path / "out", *filetype)["warnings"]
    assert warning == f"frames that its manifest expects are missing in {tmp_path / 'in'}: 1"


@pytest.mark.parametrize("manifest", [True, False])
def test_gaps_of_each_batch_are_named(tmp_path: Path, manifest: bool) -> None:
    with open_writer(tmp_path / "in", manifest=manifest) as writer:
        for batch in range(3):
            for index in range(5):
                if index not in {1: (2,), 2: (0, 4)}.get(batch, ()):
                    writer.write(picture(index), index=index, batch=batch)
    [warning] = saved(tmp_path / "in", tmp_path / "out")["warnings"]
    if manifest:
        which = "2 in batch_0001; 0,4 in batch_0002"
        assert warning == f"frames that its manifest expects are missing in {tmp_path / 'in'}: {which}"
    else:
        which = "frame 2 in batch_0001; frames 0,4 in batch_0002"
        assert warning == f"{tmp_path / 'in'} has no {which}: the copy is recorded as unfinished"
    assert str(progress_of(open_sequence(tmp_path / "out"))).startswith("unfinished, 12 of 15")
    assert saved(tmp_path / "in", tmp_path / "part", "--frames", "3")["warnings"] == []
    warnings = saved(tmp_path / "in", tmp_path / "two", "--frames", "2-3")["warnings"]
    assert warnings == ([warning.replace("; 0,4 in batch_0002", "")] if manifest else [])


def test_gaps_of_a_source_without_a_manifest_are_named_unless_the_frames_were_chosen(tmp_path: Path) -> None:
    for index in (1, 3, 9):
        save([picture(index)], tmp_path / "in", start=index, manifest=False)
    [warning] = saved(tmp_path / "in", tmp_path / "out")["warnings"]
    assert warning == f"{tmp_path / 'in'} has no frames 5-7x2: the copy is recorded as complete nevertheless"
    assert saved(tmp_path / "in", tmp_path / "chosen", "--frames", "1,3,9")["warnings"] == []


def test_equal_urls_on_other_servers_are_other_places(renders: Path) -> None:
    saved(renders, "memory://same/place")
    assert "source itself" in seqsave("save", "memory://same/place", "memory://same/place", status=2).err
    elsewhere = ["--source-storage-option", "endpoint_url=http://a"]
    result = seqsave("save", "memory://same/place", "memory://same/place", *elsewhere, status=None)
    assert "source itself" not in result.err


# --- messages ------------------------------------------------------------------------------------------------


def test_how_to_copy_is_hinted_at(tmp_path: Path) -> None:
    (tmp_path / "a_1.jpg").write_bytes(encode(picture(), "jpg"))
    assert "--filetype jpg would copy them" in seqsave("save", tmp_path / "a_1.jpg", tmp_path / "out").err
    assert "would copy" not in seqsave("save", tmp_path / "a_1.jpg", tmp_path / "out", "--filetype", "jpg").err


@pytest.mark.parametrize("filetype", [SAME, "jpg"])
def test_sizes_that_change_are_reported_once(tmp_path: Path, filetype: str) -> None:
    for number, width in enumerate((10, 20, 10, 30)):
        (tmp_path / f"a_{number}.png").write_bytes(encode(picture(0, 10, width)))
    warnings = saved(tmp_path, tmp_path / "out", "--filetype", filetype)["warnings"]
    assert [warning for warning in warnings if "20x10" in warning] == warnings
    assert len(warnings) == 1


@pytest.mark.parametrize("arguments", [(), ("--filetype", "jpg")])
def test_a_bad_file_in_the_middle(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    for number in range(5):
        (tmp_path / f"a_{number}.png").write_bytes(encode(picture(number)))
    (tmp_path / "a_3.png").write_bytes(b"not a picture")
    result = seqsave("save", tmp_path, tmp_path / "out", "--json", *arguments, status=1)
    assert "a_3.png" in result.document["error"]
    assert f"{result.document['counts']['saved']} saved" in result.document["error"] or arguments
    there = {Path(name).stem for name in names(tmp_path / "out")}
    assert {"a_0", "a_1", "a_2"} <= there <= {"a_0", "a_1", "a_2", "a_4"}  # which was under way already
    assert "unfinished" in seqsave("ls", tmp_path / "out", status=1).out


@pytest.mark.parametrize("arguments", [(), ("--filetype", "jpg")])
def test_going_on_past_bad_files(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    for number in range(12):
        (tmp_path / f"a_{number:02}.png").write_bytes(encode(picture(number)))
    for number, data in ((3, b"not a picture"), (4, b""), (9, encode(picture(9))[:-20])):
        (tmp_path / f"a_{number:02}.png").write_bytes(data)
    result = seqsave("save", tmp_path, tmp_path / "out", "--keep-going", *arguments, status=1)
    assert "3-4,9" in result.err
    assert "a_03.png" in result.err
    numbers = [int(Path(name).stem.rpartition("_")[2]) for name in names(tmp_path / "out")]
    assert numbers == [0, 1, 2, 5, 6, 7, 8, 10, 11]
    assert "unfinished, 9 of 12; to render again: 3-4,9" in seqsave("ls", tmp_path / "out", status=1).out


def test_pictures_that_the_format_cannot_hold(tmp_path: Path) -> None:
    (tmp_path / "deep_1.png").write_bytes(encode(np.zeros((4, 4), np.uint16)))
    result = seqsave("save", tmp_path / "deep_1.png", tmp_path / "out", "--filetype", "jpg", status=1)
    assert "uint16 would lose bits" in result.err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["{0}", "out", "--filetype", "jgp"], 2, "unknown file type 'jgp' (did you mean 'jpg'?)"),
        (["{0}", "out", "--filetype", "webq"], 2, "unknown file type 'webq'"),
        (["{0}", "out", "--option", "qualty=9", "--filetype", "jpg"], 2, "(did you mean 'quality'?)"),
        (["{0}", "out", "--option", "quality=900", "--filetype", "jpg"], 2, "a whole number from 1 to 100"),
        (["{0}", "out", "--prefix", "../evil"], 2, "could leave the target"),
        (["{0}", "out", "--prefix", ".a"], 2, "hidden files"),
        (["{0}", "nosuch://x"], 2, "'nosuch' is neither a storage nor a configured target"),
        (["nosuch://x", "out"], 2, "'nosuch' is neither a storage nor a configured target"),
        (["{0}", "s3://bucket/x::y"], 2, "chains storages"),
        (["{0}", ""], 2, "the URL is empty"),
        (["", "out"], 2, "the URL is empty"),
        (["{0}/frame_00007.png", "out"], 1, "(did you mean 'frame_0000"),
        (["{0}/mask_####.png", "out"], 1, "no sequence mask_####.png"),
        (["{0}/*.exr", "out"], 1, "no file matches *.exr"),
        (["{0}", "{0}/frame_00003.png"], 1, "is a file, not a folder"),
    ],
)
def test_bad_input_is_named(
    renders: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, message: str
) -> None:
    monkeypatch.chdir(renders.parent)
    result = seqsave("save", *(argument.format(renders) for argument in arguments), "--json", status=status)
    assert message in result.err
    assert result.err.startswith("seqsave: error: ") or "\nseqsave: error: " in result.err
    assert names(renders.parent) == [f"old/frame_{n:05}.png" for n in (3, 4, 6)]


def test_the_help_names_the_defaults_of_the_retry_policy() -> None:
    policy = RetryPolicy()
    text = " ".join(seqsave("save", "--help").out.split())
    assert f"Maximum requests per file. [default: {policy.attempts}]" in text
    assert f"{policy.first_answer:g} if the storage was never reached. [default: {policy.deadline:g}]" in text


def test_withhold_reaches_the_workflows_in_the_files_of_the_source(tmp_path: Path) -> None:
    graph = {"nodes": [{"id": 1, "type": "Note", "widgets_values": ["call Ada now"]}]}
    save([np.zeros((4, 4, 3), np.uint8)] * 2, tmp_path / "a", metadata={"workflow": graph})
    result = seqsave("save", tmp_path / "a", tmp_path / "b", "--withhold", "Note.*")
    assert "warning" not in result.err
    assert not [path for path in (tmp_path / "b").rglob("*") if path.is_file() and b"Ada" in path.read_bytes()]


def test_a_workflow_that_the_new_filetype_does_not_hold_is_named(tmp_path: Path) -> None:
    save([np.zeros((4, 4, 3), np.uint8)] * 2, tmp_path / "a", metadata={"workflow": {"nodes": []}})
    result = seqsave("save", tmp_path / "a", tmp_path / "b", "--filetype", "jpg")
    assert result.err.count("warning: metadata 'workflow' is not saved") == 1
    assert "use --filetype 'jpg with embedded workflow' or --metadata-in sidecar" in result.err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--offset", "1", "--start", "3"], 2, "contradict each other"),
        (["--frames", "3,99"], 1, "there is no frame 99 in"),
        (["--fps", "24"], 2, "use --rate"),
    ],
)
def test_calls_of_copies_that_are_wrong(
    renders: Path, tmp_path: Path, arguments: list[str], status: int, message: str
) -> None:
    assert message in seqsave("save", renders, tmp_path / "out", *arguments, status=status).err
    assert not (tmp_path / "out").exists()


def test_frames_of_a_copy_keep_their_numbers(renders: Path, tmp_path: Path) -> None:
    saved(renders, tmp_path / "out", "--frames", "3,6")
    assert names(tmp_path / "out") == ["frame_00003.png", "frame_00006.png"]


def test_resampling_keeps_the_length_of_an_animation(tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (16, 12), (60 * number, 0, 0)) for number in range(4)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=[100, 1000, 100, 100])

    seqsave("save", tmp_path / "a.gif", tmp_path / "out", "--resample", "10")

    sequence = open_sequence(tmp_path / "out")
    levels = [int(frame.read()[0, 0, 0]) for frame in sequence]
    assert [levels.count(level) for level in dict.fromkeys(levels)] == [1, 10, 1, 1]
    assert sequence.manifest is not None
    assert sequence.manifest.rate == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resample", "0"], "is not a rate"),
        (["--resample", "fast"], "is not a rate"),
        (["--resample", "24"], "cannot be resampled: only videos and animations state when"),
        (["--resample", "24", "--recursive"], "--resample is for one video"),
    ],
)
def test_resampling_what_has_no_times(tmp_path: Path, arguments: list[str], message: str) -> None:
    save(np.zeros((2, 4, 5, 3), np.uint8), tmp_path / "in")
    result = seqsave("save", tmp_path / "in", tmp_path / "out", *arguments, status=2)
    assert message in result.err


def test_frames_in_the_memory_of_the_command_are_not_called_kept(renders: Path) -> None:
    assert "memory:// lasts as long as this command" in seqsave("save", renders, "memory://gone").err

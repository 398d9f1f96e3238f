"""Names written by a pattern are found again by each face alike."""

from __future__ import annotations

import re
import shutil
import warnings
from typing import Any

import pytest
from hypothesis import example, given, settings

import seqsave
from seqsave import naming
from seqsave.sequences.verify import verify
from seqsave.sources import open_source
from tests.cli.runner import seqsave as command
from tests.sequences.placed import PICTURE
from tests.sequences.rules import INDICES, rules

# Hypothesis runs one test many times in one process: each run has a place of its own in memory.
_runs = iter(range(10**9))


@settings(max_examples=60, deadline=None)
@given(rules(), INDICES)
@example(naming.NameRule("7", 2, "png", "."), {25, 50})
@example(naming.NameRule("7", 4, "png", "."), {25, 50})
def test_every_face_sees_the_frames_that_a_pattern_wrote(rule: naming.NameRule | None, wanted: set[int]) -> None:
    if rule is None:
        return
    place = f"memory://faces/{next(_runs)}"
    indices = tuple(sorted(wanted))
    pattern = f"{place}/{rule.pattern}"
    try:
        with seqsave.open_writer(pattern, filetype="png", manifest=False) as writer:
            for index in indices:
                writer.write(PICTURE, index=index)
    except (seqsave.FrameNameError, seqsave.OptionError):
        return  # a negative number that nothing is put before
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert seqsave.open_sequence(pattern).indices == indices
        if any(one.has_subframes for one in naming.group_names((rule.file_name(i), None) for i in indices).groups):
            # 7.25.png and 7.50.png: only their pattern says that they are frames, and the error gives it.
            with pytest.raises(seqsave.SequenceNotFoundError, match="if the last number is the frame's, give "):
                seqsave.open_sequence(place)
            return
        assert seqsave.open_sequence(place).indices == indices
        assert [one.indices for one in seqsave.find_sequences(place)] == [indices]
        for source in (place, pattern):
            assert tuple(frame.index for frame in open_source(source)) == indices
        checked = verify(seqsave.open_sequence(place), expected=frozenset(indices), deep=True)
        assert checked.indices("undecodable") == ()
        assert checked.decoded == len(indices)


def test_the_command_sees_the_same(tmp_path: Any) -> None:
    for pattern in ("shot.####.png", "ComfyUI_#####_.png", "img (#).png", "sh010-v003-######.png", "####.png"):
        folder = tmp_path / pattern.strip("#.png")
        seqsave.save([PICTURE] * 3, folder / pattern, start=9, filetype="png")
        (listed,) = command("ls", folder, "--json").document["sequences"]
        assert (listed["indices"], listed["complete"]) == ("9-11", True)
        assert command("verify", folder, "--json").document["frames"] == 3
        copy = tmp_path / f"copy of {folder.name}"
        command("save", folder, copy, "--filetype", "png")
        assert seqsave.open_sequence(copy).indices == (9, 10, 11)


def test_a_folder_of_strays_is_the_same_to_all(tmp_path: Any) -> None:
    seqsave.save([PICTURE] * 3, tmp_path, filetype="png")
    for name in ("._frame_00000.png", "thumb1.png", ".hidden_2.png"):
        (tmp_path / name).write_bytes(b"x")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert seqsave.open_sequence(tmp_path).indices == (0, 1, 2)
    assert ["thumb#.png" in str(one.message) for one in caught] == [True]
    source = open_source(tmp_path)
    assert [frame.index for frame in source] == [0, 1, 2]
    assert any("thumb1.png" in note for note in source.notes)


def test_pictures_without_a_number_are_named_by_all(tmp_path: Any) -> None:
    seqsave.save([PICTURE] * 3, tmp_path, filetype="png")
    for name in ("cover.png", "frame_99999999999999999999.png"):
        shutil.copy(tmp_path / "frame_00000.png", tmp_path / name)
    words = "left out beside it: cover.png, frame_99999999999999999999.png"
    with pytest.warns(seqsave.SeqSaveWarning, match=words):
        opened = seqsave.open_sequence(tmp_path)
    assert (opened.indices, opened.left_out) == ((0, 1, 2), ("cover.png", "frame_99999999999999999999.png"))
    assert words in command("verify", tmp_path).err
    assert "cover.png, frame_99999999999999999999.png" in command("save", tmp_path, tmp_path / "copy").err
    assert "2 pictures without the number of a frame: cover.png, frame_" in command("ls", tmp_path).err
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(seqsave.open_sequence(tmp_path, "frame")) == 3
        assert seqsave.open_sequence(tmp_path, "frame").left_out == ()
        assert len(seqsave.open_sequence(tmp_path / "frame_#####.png")) == 3


def test_parts_of_frames_are_one_clear_error(tmp_path: Any) -> None:
    seqsave.save([PICTURE], tmp_path / "x", filetype="png")
    for name in ("shot.1001.25.png", "shot.1001.75.png", "shot.1002.25.png", "shot.1002.75.png"):
        (tmp_path / name).write_bytes((tmp_path / "x" / "frame_00000.png").read_bytes())
    for call in (seqsave.open_sequence, open_source):
        with pytest.raises(seqsave.SeqSaveError, match=r"shot\.1001\.25\.png, shot\.1001\.75\.png, .* are parts"):
            call(tmp_path)
    assert "are parts of frames" in command("ls", tmp_path, status=1).err
    assert seqsave.open_sequence(tmp_path / "shot.####.25.png").indices == (1001, 1002)


def test_parts_of_one_frame_are_the_same_error(tmp_path: Any) -> None:
    picture = seqsave.save([PICTURE], tmp_path / "x", filetype="png").frames[0].url
    (tmp_path / "one").mkdir()
    for name in ("shot.1001.250.png", "shot.1001.500.png"):
        shutil.copy(picture, tmp_path / "one" / name)
    advice = "such as shot.####.250.png, or rename them; if the last number is the frame's, give shot.1001.###.png"
    for call in (seqsave.open_sequence, open_source):
        with pytest.raises(seqsave.SeqSaveError, match=re.escape(advice)):
            call(tmp_path / "one")
    for name in ("ls", "verify"):
        assert advice in command(name, tmp_path / "one", status=1).err
    assert seqsave.open_sequence(tmp_path / "one" / "shot.####.250.png").indices == (1001,)
    assert seqsave.open_sequence(tmp_path / "one" / "shot.1001.###.png").indices == (250, 500)


def test_parts_of_frames_beside_a_sequence_are_named(tmp_path: Any) -> None:
    seqsave.save([PICTURE] * 4, tmp_path, filetype="png")
    for name in ("shot.1001.250.png", "shot.1001.500.png"):
        shutil.copy(tmp_path / "frame_00000.png", tmp_path / name)
    with pytest.warns(seqsave.SeqSaveWarning, match=r"left out beside it: shot\.1001\.250\.png, shot\.1001\.500\.png"):
        assert len(seqsave.open_sequence(tmp_path)) == 4


def test_a_sequence_beside_other_pictures_is_the_same_to_all(tmp_path: Any) -> None:
    picture = seqsave.save([PICTURE], tmp_path / "x", filetype="png").frames[0].url
    for number, (names, left_out) in enumerate(
        (
            (["f_0001.png", "cover.png"], "cover.png"),
            (["f_0001.png", "f_0002.png", "a.png", "b.png"], "a.png, b.png"),
            (["f_0001.png", "shot.1001.25.png", "shot.1001.75.png"], "shot.1001.25.png, shot.1001.75.png"),
            (["f_0001.png", "f_0002.png", "f_0003.png", "thumb_1.png"], "thumb_#.png"),
        )
    ):
        folder, copy = tmp_path / f"{number}", tmp_path / f"copy {number}"
        folder.mkdir()
        for name in names:
            shutil.copy(picture, folder / name)
        wanted = tuple(range(1, 1 + sum(name.startswith("f_") for name in names)))
        with pytest.warns(seqsave.SeqSaveWarning, match=re.escape(f"left out beside it: {left_out}")):
            assert seqsave.open_sequence(folder).indices == wanted
        for command_name in ("verify", "preview"):
            assert f"left out beside it: {left_out}" in command(command_name, folder).err
        assert command("ls", folder, "--json").document["sequences"][0]["indices"] == naming.format_ranges(
            naming.to_ranges(wanted)
        )
        command("save", folder, copy)
        assert {file.name for file in copy.iterdir() if file.is_file()} == {f"f_{index:04}.png" for index in wanted}


def test_a_few_frames_among_other_sequences_are_an_error_of_all(tmp_path: Any) -> None:
    picture = seqsave.save([PICTURE], tmp_path / "x", filetype="png").frames[0].url
    (tmp_path / "mixed").mkdir()
    for name in ("a_1.png", "a_2.png", "b_1.png", "c_1.png", "shot.1001.25.png", "shot.1001.75.png"):
        shutil.copy(picture, tmp_path / "mixed" / name)
    for call in (seqsave.open_sequence, open_source):
        with pytest.raises(seqsave.SeqSaveError, match=r"3 sequences.*: a_#\.png, b_#\.png, c_#\.png"):
            call(tmp_path / "mixed")


def test_a_file_that_may_be_a_part_of_a_frame_is_named(tmp_path: Any) -> None:
    picture = seqsave.save([PICTURE], tmp_path / "x", filetype="png").frames[0].url
    (tmp_path / "one").mkdir()
    file = tmp_path / "one" / "shot.1001.25.png"
    shutil.copy(picture, file)
    words = (
        "shot.1001.25.png is taken for frame 25 of shot.1001.##.png; if it is a part of frame 1001, give "
        "shot.####.25.png"
    )
    for call in (seqsave.open_sequence, lambda url: list(seqsave.find_sequences(url)), seqsave.open_frame):
        with pytest.warns(seqsave.SeqSaveWarning, match=re.escape(words)):
            call(file if call is seqsave.open_frame else file.parent)
    for arguments in (["ls"], ["verify"], ["info"], ["preview"], ["save", tmp_path / "copy"]):
        assert words in command(arguments[0], file.parent, *arguments[1:]).err
    assert words in command("save", file, tmp_path / "copy of a file").err
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert seqsave.open_sequence(file.parent / "shot.####.25.png").indices == (1001,)
        assert seqsave.open_sequence(file.parent / "shot.1001.##.png").indices == (25,)


def test_several_urls_and_none(tmp_path: Any, monkeypatch: Any) -> None:
    for name in ("a", "b"):
        seqsave.save([PICTURE], tmp_path / name / f"{name}.####.png", filetype="png")
    monkeypatch.chdir(tmp_path)
    assert command("ls").out == "a/\nb/\n"
    listed = command("ls", "a", "b/*.png").out.splitlines()
    assert [line.split(" ")[0] for line in listed] == ["a:", "a.####.png", "b/*.png:", "b.####.png"]


def test_what_is_no_frame_is_named_where_no_sequence_is_found(tmp_path: Any) -> None:
    picture = seqsave.save([PICTURE], tmp_path / "x", filetype="png").frames[0].url
    for folder, names, words in (
        (
            "hidden",
            [".h_0001.png", ".h_0002.png"],
            ", only hidden files, which are never frames: .h_0001.png, .h_0002.png",
        ),
        ("control", ["a\nb_0001.png"], ", only: a\\nb_0001.png; frames are named as"),
        ("digits", ["f_\u0661.png"], ", only: f_\u0661.png; frames are named as"),
    ):
        (tmp_path / folder).mkdir()
        for name in names:
            shutil.copy(picture, tmp_path / folder / name)
        for command_name in ("ls", "verify"):
            assert words in command(command_name, tmp_path / folder, status=1).err
        with pytest.raises(seqsave.SequenceNotFoundError) as caught:
            seqsave.open_sequence(tmp_path / folder)
        assert words in str(caught.value)
    assert "but 1 sequence: frame_#####.png 0" in command("ls", tmp_path / "x" / "*.exr", status=1).err
    with pytest.raises(seqsave.SequenceNotFoundError, match=r"no file matches \*\.exr in .*, but 1 sequence: frame"):
        open_source(tmp_path / "x" / "*.exr")
    with pytest.raises(seqsave.SequenceNotFoundError, match=r"no sequence \*\.exr in .*, but 1 sequence: frame"):
        seqsave.open_sequence(tmp_path / "x" / "*.exr")


def test_pictures_beside_a_sequence_are_named(tmp_path: Any) -> None:
    seqsave.save([PICTURE] * 2, tmp_path, filetype="png")
    for name in ("cat.png", "f_99999999999999999999999999.png"):
        shutil.copy(tmp_path / "frame_00000.png", tmp_path / name)
    listed = command("ls", tmp_path)
    assert "not listed: 2 pictures without the number of a frame: cat.png, f_9999" in listed.err
    assert listed.out.startswith("frame_#####.png 0-1 (2 frames)")


def test_the_second_file_of_a_number_is_not_to_be_rendered(tmp_path: Any) -> None:
    seqsave.save([PICTURE] * 2, tmp_path, filetype="png", manifest=False)
    shutil.copy(tmp_path / "frame_00001.png", tmp_path / "frame_1.png")
    out = command("verify", tmp_path, status=1).out
    assert "  duplicate: 1\n" in out
    assert "render again" not in out


def test_numbers_whose_sign_is_one_of_the_places_keep_their_width(tmp_path: Any) -> None:
    picture = seqsave.save([PICTURE], tmp_path / "x", filetype="png").frames[0].url
    (tmp_path / "foo").mkdir()
    for name in ("foo -020.png", "foo -019.png", "foo 0001.png"):
        shutil.copy(picture, tmp_path / "foo" / name)
    command("save", tmp_path / "foo", tmp_path / "jpg", "--filetype", "jpg")
    names = {file.name for file in (tmp_path / "jpg").iterdir() if file.is_file()}
    assert names == {"foo -0020.jpg", "foo -0019.jpg", "foo 0001.jpg"}
    assert seqsave.open_sequence(tmp_path / "jpg").indices == (-20, -19, 1)
    assert seqsave.open_sequence(tmp_path / "foo" / "foo ####.png").indices == (-20, -19, 1)

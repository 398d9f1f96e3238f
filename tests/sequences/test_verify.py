"""``verify``: what is wrong with a sequence, and nothing else."""

from __future__ import annotations

import pickle
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqsave
from seqsave import FrameNameError, TargetError, open_sequence
from seqsave.sequences.frame import Files
from seqsave.sequences.verify import verify
from seqsave.targets.local import LocalTarget
from tests.cli.runner import seqsave as command
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.places import Place


def pictures(count: int, height: int = 6, width: int = 8) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def found(url: object, **settings: object) -> dict[str, tuple[int, ...]]:
    """Kind to indices."""
    result = verify(open_sequence(url), **settings)  # type: ignore[arg-type]
    kinds = {finding.kind: result.indices(finding.kind) for finding in result.findings}
    assert result.ok == (not kinds and not result.obstacles)
    return kinds


def test_a_sound_sequence_on_every_storage(place: Place) -> None:
    seqsave.save(pictures(5), place.url, start=7, storage_options=place.storage_options)
    sequence = open_sequence(place.url, storage_options=place.storage_options)
    result = verify(sequence, deep=True)
    assert (result.ok, result.frames, result.decoded, result.shape) == (True, 5, 5, "8x6, 3 channels, uint8")
    assert verify(sequence).decoded == 0


def test_every_kind_of_damage(tmp_path: Path) -> None:
    seqsave.save(pictures(9), tmp_path, manifest=False)
    (tmp_path / "frame_00001.png").unlink()
    (tmp_path / "frame_00002.png").write_bytes(b"")
    (tmp_path / "frame_3.png").write_bytes((tmp_path / "frame_00003.png").read_bytes())
    whole = (tmp_path / "frame_00004.png").read_bytes()
    (tmp_path / "frame_00004.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "frame_00005.png").write_bytes(b"GIF89a, and no PNG at all")
    seqsave.save(pictures(1, 7, 9), tmp_path, start=6)
    assert found(tmp_path) == {"missing": (1,), "empty": (2,), "duplicate": (3,)}
    assert found(tmp_path, deep=True) == {
        "missing": (1,),
        "empty": (2,),
        "duplicate": (3,),
        "undecodable": (4, 5),
        "size": (6,),
    }
    result = verify(open_sequence(tmp_path), deep=True)
    (size,) = (finding for finding in result.findings if finding.kind == "size")
    assert size.message == "frame_00006.png is 9x7, 3 channels, uint8, most are 8x6, 3 channels, uint8"
    assert all(str(tmp_path) in (finding.url or "") for finding in result.findings if finding.kind != "missing")


def test_what_is_expected(tmp_path: Path) -> None:
    seqsave.save(pictures(3), tmp_path, start=10, step=2, manifest=False)
    assert found(tmp_path) == {"missing": (11, 13)}
    assert found(tmp_path, expected=range(10, 15, 2)) == {}
    assert found(tmp_path, expected=range(8, 19, 2)) == {"missing": (8, 16, 18)}


def test_every_batch_needs_every_frame(tmp_path: Path) -> None:
    with seqsave.open_writer(tmp_path, manifest=False) as writer:
        for index in range(4):
            writer.write_batch(pictures(3), index=index)
    assert found(tmp_path) == {}
    (tmp_path / "batch_0001" / "frame_00002.png").unlink()
    (tmp_path / "batch_0002" / "frame_00003.png").unlink()
    (missing, last) = verify(open_sequence(tmp_path)).findings
    assert (missing.index, missing.batch, last.index, last.batch) == (2, 1, 3, 2)
    # A frame of an older run beside the folders changes nothing.
    seqsave.save(pictures(1), tmp_path)
    assert found(tmp_path) == {"missing": (2, 3)}


def test_a_stray_number_does_not_fill_the_memory(tmp_path: Path) -> None:
    seqsave.save(pictures(2), tmp_path, manifest=False)
    (tmp_path / "frame_99999999999.png").write_bytes(b"x")
    with pytest.raises(FrameNameError, match="give the expected range"):
        verify(open_sequence(tmp_path))
    assert found(tmp_path, expected=range(3)) == {"missing": (2,)}


@settings(max_examples=60, deadline=None)
@given(
    there=st.sets(st.integers(0, 12), min_size=1),
    cut=st.sets(st.integers(0, 12)),
    empty=st.sets(st.integers(0, 12)),
)
def test_it_finds_exactly_what_is_wrong(there: set[int], cut: set[int], empty: set[int]) -> None:
    url = "memory://verify-property"
    fs = __import__("fsspec").filesystem("memory")
    if fs.exists("/verify-property"):
        fs.rm("/verify-property", recursive=True)
    with seqsave.open_writer(url, manifest=False) as writer:
        for index in there:
            writer.write(pictures(1)[0], index=index)
    for index in there & cut:
        path = f"/verify-property/frame_{index:05d}.png"
        fs.pipe(path, fs.cat(path)[:-5])
    for index in there & empty:
        fs.pipe(f"/verify-property/frame_{index:05d}.png", b"")
    kinds = {
        "missing": set(range(min(there), max(there))) - there,
        "empty": there & empty,
        "undecodable": there & cut - empty,
    }
    assert found(url, deep=True) == {kind: tuple(sorted(own)) for kind, own in kinds.items() if own}


# --- damaged, or beyond what can be judged here ----------------------------------------------------------------------


class Picky:
    """An encoder of files that hold the reason for which they are not decoded."""

    def encode(self, image: object, **_: object) -> seqsave.Encoded:
        return seqsave.Encoded(data=b"sound")

    def decode(self, data: bytes, *, max_pixels: int) -> seqsave.Decoded:
        if data == b"memory":
            raise MemoryError
        if data.startswith(b"cropped"):
            return seqsave.Decoded(array=np.zeros((len(data), 5, 1), np.uint8), canvas=(64, 48))
        if data != b"sound":
            raise seqsave.DecodeError("no", reason=data.decode(), pixels=77)  # type: ignore[arg-type]
        return seqsave.Decoded(array=np.zeros((48, 64, 1), np.uint8))


@pytest.fixture
def picky(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    spec = seqsave.EncoderSpec(
        filetype="picky", extensions=("picky",), encoder="tests.sequences.test_verify:Picky", dtypes=("uint8",),
        channels=(1, 3), content_type="image/x-picky",
    )  # fmt: skip
    seqsave.register_encoder(spec)
    yield
    seqsave.unregister_encoder("picky")


@pytest.mark.usefixtures("picky")
def test_what_cannot_be_judged_is_not_to_be_rendered_again(tmp_path: Path) -> None:
    content = ["sound", "unsupported", "too large", "memory", "damaged", "cropped", "cropped differently"]
    for index, text in enumerate(content):
        (tmp_path / f"frame_{index:05d}.picky").write_bytes(text.encode())
    result = verify(open_sequence(tmp_path), deep=True)
    assert (result.read, result.decoded, result.shape) == (7, 3, "64x48, 1 channel, uint8")
    assert not result.ok
    assert result.indices() == result.indices("undecodable") == (4,)
    reasons = {finding.index: (finding.reason, finding.pixels) for finding in result.findings}
    assert reasons == {1: ("unsupported", 77), 2: ("too large", 77), 3: ("too large", 0), 4: (None, 77)}
    assert result.indices("unjudged") == (1, 2, 3)


@pytest.mark.usefixtures("picky")
def test_a_frame_that_cannot_be_judged_is_compared_with_its_record(tmp_path: Path) -> None:
    seqsave.save(pictures(3), tmp_path, filetype="picky")
    seqsave.unregister_encoder("picky")
    (tmp_path / "frame_00001.picky").write_bytes(b"SOUND")
    result = verify(open_sequence(tmp_path / "frame_#####.picky"), deep=True)
    assert {finding.index: finding.is_recorded for finding in result.findings if finding.reason == "no decoder"} == {
        0: True, 1: False, 2: True,
    }  # fmt: skip
    assert result.indices() == result.indices("changed") == (1,)
    seqsave.register_encoder(
        seqsave.EncoderSpec(
            filetype="picky", extensions=("picky",), encoder="seqsave_not_installed:Picky", dtypes=("uint8",),
            channels=(1, 3), content_type="image/x-picky", install_hint="pip install seqsave-picky",
        )
    )  # fmt: skip
    result = verify(open_sequence(tmp_path), deep=True)
    assert result.indices("unjudged") == (0, 1, 2)
    assert all("pip install seqsave-picky" in found.message for found in result.findings if found.kind == "unjudged")


def test_a_frame_beyond_the_limit_is_read_if_it_is_raised(tmp_path: Path) -> None:
    seqsave.save(pictures(2), tmp_path)
    assert verify(open_sequence(tmp_path), deep=True, max_pixels=47).indices("unjudged") == (0, 1)
    assert verify(open_sequence(tmp_path), deep=True, max_pixels=48).ok
    frame = open_sequence(tmp_path)[0]
    with pytest.raises(seqsave.DecodeError) as caught:
        frame.read(max_pixels=47)
    assert (caught.value.reason, caught.value.pixels) == ("too large", 48)
    assert pickle.loads(pickle.dumps(caught.value)).pixels == 48  # noqa: S301 - our own


# --- against the manifest --------------------------------------------------------------------------------------------


def states(url: object, **settings: object) -> tuple[object, list[str]]:
    result = verify(open_sequence(url), **settings)  # type: ignore[arg-type]
    assert result.ok == (not result.findings and not result.obstacles)
    return result.manifest, list(result.obstacles)


def test_a_sound_sequence_as_its_manifest_says(place: Place) -> None:
    seqsave.save(pictures(5), place.url, step=3, storage_options=place.storage_options)
    result = verify(open_sequence(place.url, storage_options=place.storage_options), deep=True)
    assert (result.ok, result.manifest, result.obstacles) == (True, "complete", ())


def test_what_is_not_as_the_manifest_says(tmp_path: Path) -> None:
    seqsave.save(pictures(9), tmp_path)
    names = [tmp_path / f"frame_{i:05d}.png" for i in range(12)]
    names[8].unlink()  # the last one: nothing else shows that it existed
    names[1].write_bytes(names[1].read_bytes()[:-9])
    names[2].write_bytes(names[3].read_bytes())
    swapped = bytearray(names[4].read_bytes())
    swapped[-20] ^= 1
    names[4].write_bytes(swapped)
    names[11].write_bytes(names[0].read_bytes())
    shallow = found(tmp_path)
    assert shallow["missing"] == (8,)
    assert shallow["foreign"] == (11,)
    assert 1 in shallow["changed"]
    deep = found(tmp_path, deep=True)
    assert deep["changed"] == (1, 2, 4)
    result = verify(open_sequence(tmp_path), deep=True)
    assert result.indices() == (1, 2, 4, 8)  # what is foreign need not be rendered
    messages = [finding.message for finding in result.findings if finding.kind == "changed"]
    assert messages[0].startswith("frame_00001.png has ")
    assert "frame_00002.png has the checksum crc32:" in messages[1] or "were written" in messages[1]
    assert states(tmp_path) == ("complete", [])


def test_a_file_of_the_same_size_in_the_place_of_a_recorded_one_is_found(place: Place) -> None:
    given = {"storage_options": place.storage_options}
    result = seqsave.save(np.full((4, 6, 8, 3), 9, np.uint8), place.url, filetype="png", **given)
    whole = place.read("frame_00002.png")
    assert result.frames[2].size == len(whole)
    place.write("frame_00001.png", whole)  # replaced by the same bytes
    place.write("frame_00002.png", whole[:-1] + b"?")
    found = verify(open_sequence(place.url, **given))
    assert [(one.kind, one.index) for one in found.findings] == [("changed", 2)]
    assert "has the checksum" in found.findings[0].message
    assert (found.read, found.uncompared) == (0, ())


def test_of_frames_that_were_copied_many_are_read_and_the_others_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = seqsave.save(pictures(5), tmp_path / "shot", filetype="png")
    shutil.copytree(tmp_path / "shot", tmp_path / "copy")  # with new versions
    whole = verify(open_sequence(tmp_path / "copy"))
    assert (whole.ok, whole.uncompared) == (True, ())
    limit = sum(frame.size or 0 for frame in saved.frames[:3])
    monkeypatch.setattr("seqsave.sequences.findings.MOST_READ", limit)
    part = verify(open_sequence(tmp_path / "copy"))
    assert (part.ok, part.uncompared) == (True, (range(3, 5),))
    assert verify(open_sequence(tmp_path / "shot")).uncompared == ()


def test_a_copy_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seqsave.save(pictures(3), tmp_path / "shot", filetype="png")
    shutil.copytree(tmp_path / "shot", tmp_path / "copy")
    real = Files.read

    def read(self: Files, path: str) -> bytes:
        if path.endswith("1.png"):
            raise TargetError("no permission", fault="denied")
        return real(self, path)

    monkeypatch.setattr(Files, "read", read)
    found = verify(open_sequence(tmp_path / "copy"))
    assert (found.ok, found.uncompared) == (True, (range(1, 2),))


def test_every_batch_that_the_manifest_knows(tmp_path: Path) -> None:
    with seqsave.open_writer(tmp_path) as writer:
        writer.write_batch(pictures(3))
    (tmp_path / "batch_0002" / "frame_00000.png").unlink()
    (finding,) = verify(open_sequence(tmp_path)).findings
    assert (finding.kind, finding.index, finding.batch) == ("missing", 0, 2)


def test_files_in_a_batch_folder_that_no_run_recorded_make_no_frame_missing(tmp_path: Path) -> None:
    seqsave.save(pictures(4), tmp_path)
    (tmp_path / "batch_0000").mkdir()
    shutil.copy(tmp_path / "frame_00001.png", tmp_path / "batch_0000")
    assert found(tmp_path) == {"foreign": (1,)}
    (finding,) = verify(open_sequence(tmp_path)).findings
    assert finding.message == "batch_0000/frame_00001.png is not in the manifest"


def test_a_manifest_that_is_not_complete(tmp_path: Path) -> None:
    with pytest.warns(seqsave.SeqSaveWarning, match="2 of the 4 frames that `total` states are not saved: 2-3"):
        seqsave.save(pictures(2), tmp_path, total=4)
    assert states(tmp_path) == ("unfinished", ["frames are missing: 2-3"])
    assert found(tmp_path) == {"missing": (2, 3)}
    with seqsave.open_writer(tmp_path, start=2) as writer:
        writer.write(pictures(1)[0]).result(PATIENCE)
        state, (missing, who) = states(tmp_path)[0], sorted(states(tmp_path)[1])
        assert state == "unfinished"
        assert missing == "frames are missing: 3"
        assert who.startswith("process ")
        assert who.endswith(" is changing it")
        assert verify(open_sequence(tmp_path)).has_writers
    assert not verify(open_sequence(tmp_path)).has_writers


def test_a_damaged_manifest_is_reported_and_the_frames_looked_at(tmp_path: Path) -> None:
    seqsave.save(pictures(3), tmp_path)
    (tmp_path / ".seqsave" / "frame.png.json").write_bytes(b"{")
    (tmp_path / "frame_00001.png").unlink()
    state, (why,) = states(tmp_path)
    assert state == "damaged"
    assert "is not JSON" in why
    assert {finding.kind for finding in verify(open_sequence(tmp_path)).findings} == {"missing"}


def test_frames_that_cannot_be_read_are_all_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seqsave.save([np.full((4, 6, 3), 9, np.uint8)] * 5, tmp_path)
    read = LocalTarget.read

    def refuse(self: LocalTarget, path: str) -> bytes:
        if path in ("frame_00001.png", "frame_00003.png"):
            raise TargetError(f"cannot read {path}: this user lacks the permission")
        return read(self, path)

    monkeypatch.setattr(LocalTarget, "read", refuse)
    result = verify(open_sequence(tmp_path), deep=True)
    assert result.indices("unreadable") == (1, 3)
    assert [one.message for one in result.findings] == [
        f"cannot read frame_0000{number}.png: this user lacks the permission" for number in (1, 3)
    ]
    assert (result.frames, result.decoded) == (5, 3)


def test_of_frames_that_this_user_may_not_read_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seqsave.save([np.full((4, 6, 3), 9, np.uint8)] * 3, tmp_path)
    read = LocalTarget.read

    def refuse(self: LocalTarget, path: str) -> bytes:
        if path == "frame_00001.png":
            raise TargetError(f"cannot read {path}: this user lacks the permission", fault="not_permitted")
        return read(self, path)

    monkeypatch.setattr(LocalTarget, "read", refuse)
    result = verify(open_sequence(tmp_path), deep=True)
    assert [(one.kind, one.reason, one.index) for one in result.findings] == [("unjudged", "not permitted", 1)]
    assert (result.ok, result.indices()) == (False, ())


def test_a_storage_that_is_away_ends_the_verification(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seqsave.save([np.full((4, 6, 3), 9, np.uint8)] * 5, tmp_path)
    sequence = seqsave.open_sequence(tmp_path)

    def fail(*_: Any) -> bytes:
        raise TargetError("the storage cannot be reached", transient=True)

    monkeypatch.setattr(Files, "read", fail)
    with pytest.raises(TargetError, match="cannot be reached"):
        verify(sequence, deep=True)


# --- records that claim what is not so -------------------------------------------------------------------------------


def edited(folder: Path, old: str, new: str) -> None:
    """Edit the manifest as a person does."""
    path = folder / ".seqsave" / "frame.png.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("algorithm", ["sha256:", "crc32c:", "?"])
def test_a_checksum_of_an_unknown_algorithm_is_not_called_intact(tmp_path: Path, algorithm: str) -> None:
    seqsave.save(pictures(3), tmp_path)
    edited(tmp_path, "crc32:", algorithm)
    assert found(tmp_path) == {}  # nothing is read, and nothing is called intact
    result = verify(open_sequence(tmp_path), deep=True)
    assert [(one.kind, one.reason) for one in result.findings] == [("unjudged", "unknown checksum")] * 3
    assert result.indices() == ()
    assert f"frame_00000.png is recorded with the checksum {algorithm}" in result.findings[0].message


def test_a_copy_with_a_checksum_of_an_unknown_algorithm_is_not_called_intact(tmp_path: Path) -> None:
    seqsave.save(pictures(3), tmp_path / "one")
    edited(tmp_path / "one", "crc32:", "sha256:")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert found(tmp_path / "two") == {"unjudged": (0, 1, 2)}


@pytest.mark.parametrize("files", [6, 4])
def test_a_manifest_that_expects_less_than_its_runs_were_to_save_is_named(tmp_path: Path, files: int) -> None:
    seqsave.save(pictures(6), tmp_path)
    edited(tmp_path, '"expected": "0-5"', '"expected": "0-3"')
    for index in range(files, 6):
        (tmp_path / f"frame_{index:05}.png").unlink()
    result = verify(open_sequence(tmp_path))
    assert result.obstacles == (
        "the manifest contradicts itself: it expects 0-3, and its runs were to save 0-5",
        *(["frames are missing: 4-5"] if files < 6 else []),
    )
    assert (result.ok, result.manifest, result.indices()) == (False, "damaged", tuple(range(files, 6)))
    seqsave.save(pictures(6), tmp_path)  # which records what is right
    assert verify(open_sequence(tmp_path)).ok


@pytest.mark.parametrize("batches", [False, True])
def test_a_manifest_that_records_a_frame_under_the_name_of_another_one_is_named(tmp_path: Path, batches: bool) -> None:
    if batches:
        with seqsave.open_writer(tmp_path) as writer:
            writer.write_batch(list(pictures(3)), index=2)
        edited(tmp_path, "batch_0001/frame_00002.png", "batch_0002/frame_00002.png")
        why = "it records batch_0002/frame_00002.png as frame 2 of batch 1"
    else:
        seqsave.save(pictures(6), tmp_path)
        edited(tmp_path, "frame_00002.png", "frame_00004.png")
        why = "it records frame_00004.png as frame 2"
    result = verify(open_sequence(tmp_path))
    assert result.obstacles[0] == f"the manifest contradicts itself: {why}"
    assert (result.ok, result.manifest) == (False, "damaged")
    known = open_sequence(tmp_path).manifest
    assert known is not None
    assert (known.complete, known.contradiction) == (False, why)
    assert "manifest damaged" in command("ls", tmp_path, status=1).out


@pytest.mark.parametrize(
    ("new", "against"),
    [
        ('"unfinished": ["1-2"]', "a run was interrupted or failed"),
        ('"writers": [{"id": "1-2", "host": "h", "pid": 1, "since": ""}]', "a run"),
    ],
)
def test_a_manifest_that_is_marked_as_complete_against_its_own_words_is_named(
    tmp_path: Path, new: str, against: str
) -> None:
    seqsave.save(pictures(6), tmp_path)
    edited(tmp_path, f"{new.partition(':')[0]}: []", new)
    result = verify(open_sequence(tmp_path))
    assert result.obstacles[0].startswith("the manifest contradicts itself: it is marked as complete, but ")
    assert against in result.obstacles[0] or result.has_writers
    assert not any(one in result.obstacles[0] for one in result.obstacles[1:])  # each of them once
    assert not result.ok


def test_records_beyond_what_is_expected_are_named(tmp_path: Path) -> None:
    seqsave.save(pictures(6), tmp_path)
    edited(tmp_path, '"expected": "0-5"', '"expected": "0-3"')
    edited(tmp_path, '"total": 6', '"total": 4')
    result = verify(open_sequence(tmp_path))
    assert (
        "it is marked as complete, but frames of an older run are outside of the last one's range: 4-5"
        in (result.obstacles[0])
    )

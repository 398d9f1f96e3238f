"""Names that differ only in their case, on storages that take them for one file: frames of other names stay."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from seqsave import targets
from seqsave.errors import FrameExistsError, FrameNameError, SaveError, WriterAbortedError
from seqsave.specs import Traits
from seqsave.targets import traits
from seqsave.targets.local import LocalTarget
from tests.support.folding import Exact, Folding
from tests.support.patience import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD, NEW = np.full((4, 4, 3), 10, np.uint8), np.full((4, 4, 3), 200, np.uint8)
# Whichever of the frames comes first.
BOTH = r"frame_0000(.)\.png: Frame_0000\1\.png exists"
ALL = ["overwrite", "skip", "skip valid", "error"]


class Creating(Folding):
    """A storage that also refuses to replace a file."""

    protocol = "seqcreating"


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from fsspec.registry import _registry

    for kind in (Exact, Folding, Creating):
        monkeypatch.setitem(_registry, kind.protocol, kind)
    creates = Traits(publish="put", create=True, threads="turns")
    monkeypatch.setitem(traits.TRAITS, "seqcreating", creates)  # type: ignore[call-overload]
    yield
    Exact.clear()
    Folding.clear()


def url_of(kind: type[Exact]) -> str:
    return f"{kind.protocol}://share/{uuid.uuid4().hex}"


def save(url: str, prefix: str, picture: Any = NEW, **settings: Any) -> Any:
    return seqsave.save([picture] * 3, url, prefix=prefix, **settings)


def refusal(url: Any, prefix: str = "frame", **settings: Any) -> BaseException:
    """Return the error of a run that has to fail."""
    with pytest.raises(SaveError) as caught:
        save(url, prefix, **settings)
    assert not caught.value.result.counts["saved"]
    # The first error ends the run: the other frames are given up.
    return next(
        one.exception for one in caught.value.result.failures if not isinstance(one.exception, WriterAbortedError)
    )


# --- frames ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("if_exists", ["overwrite", "skip", "skip valid"])
def test_a_frame_of_another_name_is_left_alone(if_exists: Any) -> None:
    url = url_of(Folding)
    save(url, "Frame", OLD, manifest=False)
    before = {path: file.getvalue() for path, file in Folding.store.items()}
    error = refusal(url, if_exists=if_exists, manifest=False)
    assert isinstance(error, FrameExistsError)
    assert re.search(BOTH, str(error))
    assert "another prefix" in str(error)
    assert {path: file.getvalue() for path, file in Folding.store.items()} == before


@pytest.mark.parametrize("if_exists", ["skip", "skip valid", "error"])
def test_nor_where_the_storage_refuses_to_replace(if_exists: Any) -> None:
    url = url_of(Creating)
    save(url, "Frame", OLD, manifest=False)
    error = refusal(url, if_exists=if_exists, manifest=False)
    assert re.search(BOTH, str(error))
    assert Folding.names() == [f"Frame_0000{index}.png" for index in range(3)]


def test_one_that_comes_while_a_run_resumes_is_not_taken_for_its_frame() -> None:
    url = url_of(Creating)
    with seqsave.open_writer(url, if_exists="skip", manifest=False) as writer:
        writer.write(NEW).result()
        seqsave.save([OLD] * 2, url, prefix="Frame", start=1, manifest=False)
        with pytest.raises(FrameExistsError, match=r"Frame_00001\.png exists"):
            writer.write(NEW).result()
        with pytest.raises(SaveError):
            writer.close()
    assert Folding.names() == ["Frame_00001.png", "Frame_00002.png", "frame_00000.png"]


@pytest.mark.parametrize("if_exists", ["overwrite", "skip", "skip valid"])
def test_names_are_two_frames_where_the_storage_is_exact(if_exists: Any) -> None:
    url = url_of(Exact)
    save(url, "Frame", OLD)
    assert {frame.status for frame in save(url, "frame", if_exists=if_exists).frames} == {"saved"}
    assert len(Exact.names()) == 6
    assert seqsave.open_sequence(f"{url}/frame_#####.png").manifest.complete


def test_an_exact_storage_is_asked_once_for_each_folder() -> None:
    url = url_of(Exact)
    save(url, "Frame", OLD)
    Exact.calls.clear()
    save(url, "frame", if_exists="skip", manifest=False)
    save(url, "frame", manifest=False, start=10)
    asked = [name for doing, name in Exact.calls if doing == "info" and name.endswith(".PNG")]
    assert len(asked) == 1


@pytest.mark.parametrize("if_exists", ["overwrite", "skip", "skip valid"])
def test_frames_of_this_very_name_are_found_as_before(if_exists: Any) -> None:
    url = url_of(Folding)
    save(url, "frame", OLD)
    wanted = "saved" if if_exists == "overwrite" else "skipped"
    assert {frame.status for frame in save(url, "frame", if_exists=if_exists).frames} == {wanted}
    assert [one.index for one in seqsave.open_sequence(url).manifest.frames] == [0, 1, 2]


# --- manifests -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keeps", [True, False])
def test_a_manifest_of_another_name_is_left_alone(keeps: bool) -> None:
    url = url_of(Folding)
    save(url, "Frame", OLD)
    before = {path: file.getvalue() for path, file in Folding.store.items()}
    error = refusal(url, start=100, manifest=keeps)
    assert isinstance(error, FrameNameError)
    assert "the manifest of Frame_#####.png" in str(error)
    assert "another prefix" in str(error)
    assert {path: file.getvalue() for path, file in Folding.store.items()} == before
    assert seqsave.open_sequence(url).manifest.complete


def test_a_manifest_is_not_read_for_frames_of_another_name() -> None:
    url = url_of(Folding)
    save(url, "Frame", OLD)
    target = targets.resolve(url)
    target.publish("frame_00010.png", targets.resolve(url).read("Frame_00000.png"), content_type="image/png")
    assert seqsave.open_sequence(f"{url}/frame_#####.png").manifest is None
    assert seqsave.open_sequence(f"{url}/Frame_#####.png").manifest.complete


def test_a_manifest_that_was_renamed_by_hand_is_used_on_an_exact_storage() -> None:
    url = url_of(Exact)
    save(url, "Frame", OLD)
    for path in [one for one in Exact.store if "Frame" in one]:
        Exact.store[path.replace("Frame", "frame")] = Exact.store.pop(path)
    assert save(url, "frame").counts["saved"] == 3
    assert seqsave.open_sequence(url).manifest.complete


# --- a folder of this machine ----------------------------------------------------------------------------------------


@pytest.fixture
def folding_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that ignores case: the system's calls find a file by its name in any letters."""
    if sys.version_info < (3, 11):
        pytest.skip("only on Python 3.11 and later: pathlib of 3.10 keeps the system's calls as they were")

    def held(path: Any) -> Any:
        if not isinstance(path, (str, os.PathLike)) or not os.fspath(path).startswith(f"{tmp_path}{os.sep}"):
            return path
        folder, name = os.path.split(os.fspath(path))
        folder = held(folder)
        with contextlib.suppress(OSError):  # no folder
            for one in listdir(folder):
                if one.casefold() == name.casefold():
                    return os.path.join(folder, one)  # noqa: PTH118
        return os.path.join(folder, name)  # noqa: PTH118

    listdir = os.listdir  # and nothing that calls ``os.stat``
    for name in ("open", "lstat", "unlink", "scandir", "mkdir", "link", "replace", "stat"):
        own = getattr(os, name)
        two = name in ("link", "replace")

        def call(path: Any, *args: Any, own: Any = own, two: bool = two, **keywords: Any) -> Any:
            rest = (held(args[0]), *args[1:]) if two else args
            return own(held(path), *rest, **keywords)

        monkeypatch.setattr(os, name, call)
    opened = open

    def open_held(path: Any, *args: Any, **keywords: Any) -> Any:
        return opened(held(path), *args, **keywords)

    monkeypatch.setattr("builtins.open", open_held)
    monkeypatch.setattr(os, "supports_fd", os.supports_fd - {os.scandir})
    return tmp_path / "shot"


@pytest.mark.parametrize("if_exists", ALL)
def test_a_local_frame_of_another_name_is_left_alone(folding_folder: Path, if_exists: Any) -> None:
    seqsave.save([OLD] * 3, folding_folder, prefix="Frame", manifest=False)
    before = {path.name: path.read_bytes() for path in folding_folder.iterdir()}
    error = refusal(folding_folder, if_exists=if_exists, manifest=False)
    assert re.search(BOTH, str(error))
    assert {path.name: path.read_bytes() for path in folding_folder.iterdir()} == before


@pytest.mark.parametrize("if_exists", ALL)
def test_a_part_takes_no_frame_of_another_name_for_its_own(folding_folder: Path, if_exists: Any) -> None:
    seqsave.save([OLD] * 2, folding_folder, prefix="Frame", manifest=False)
    run = seqsave.open_run(folding_folder, total=2, if_exists=if_exists)
    run.begin()
    with pytest.raises(SaveError) as caught, run.part() as part:
        part.write(NEW, index=0)
    assert re.search(BOTH, str(caught.value))
    assert not part.records


def test_a_run_of_many_tasks_is_refused_where_parts_do_not_look() -> None:
    url = url_of(Folding)
    save(url, "Frame", OLD, manifest=False)
    with pytest.raises(FrameExistsError, match=BOTH):
        seqsave.open_run(url, total=3).begin()
    assert not any(".seqsave" in path for path in Folding.store)
    seqsave.open_run(url, total=3, prefix="Frame").begin()


def test_nor_is_it_elsewhere() -> None:
    url = url_of(Exact)
    save(url, "Frame", OLD, manifest=False)
    seqsave.open_run(url, total=3).begin()


def test_a_frame_in_the_spool_replaces_none_of_another_name(folding_folder: Path, tmp_path: Path) -> None:
    seqsave.save([OLD] * 2, folding_folder, prefix="Frame", manifest=False)
    before = {path.name: path.read_bytes() for path in folding_folder.glob("*.png")}
    with seqsave.open_writer(folding_folder, spool=tmp_path / "spool", publish_behind=True, manifest=False) as writer:
        writer.write(NEW)
    # The writer's own publisher may be at it still: then this one waits for its turn.
    wait_until(lambda: [one.reason for one in seqsave.flush(tmp_path / "spool").conflicts] == ["other name"])
    assert {path.name: path.read_bytes() for path in folding_folder.glob("*.png")} == before


@pytest.mark.parametrize("if_exists", ALL)
def test_a_local_manifest_of_another_name_is_left_alone(folding_folder: Path, if_exists: Any) -> None:
    seqsave.save([OLD] * 3, folding_folder, prefix="Frame")
    assert "the manifest of Frame_#####.png" in str(refusal(folding_folder, start=50, if_exists=if_exists))
    assert seqsave.open_sequence(folding_folder).manifest.complete


def test_a_local_folder_that_is_exact_is_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(str(tmp_path), "frame", OLD, manifest=False)
    listed: list[str] = []
    plain = LocalTarget.list
    monkeypatch.setattr(LocalTarget, "list", lambda self, folder="": listed.append(folder) or plain(self, folder))
    assert save(str(tmp_path), "frame", manifest=False).counts["saved"] == 3
    assert not listed
    assert targets.resolve(str(tmp_path)).known.folds[str(tmp_path)] is False

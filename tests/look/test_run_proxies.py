"""Small pictures that a writer stores beside its frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from seqsave import RetryPolicy, targets
from seqsave.look import run_proxies
from seqsave.look.small import make
from seqsave.look.stored import StoredProxies
from seqsave.pictures import packs as pack_files
from seqsave.spool import Spool
from seqsave.spool.deferred import publisher_behind
from seqsave.targets.local import LocalTarget
from tests.look.proxied import grey, opened, packs, picture, shown
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

if TYPE_CHECKING:
    from tests.support.places import Place

QUICK = RetryPolicy(attempts=2, first_wait=0.01)


def settings(place: Place, **more: Any) -> dict[str, Any]:
    return {"storage_options": place.storage_options, "proxies": True, "filetype": "png", **more}


def save(place: Place, values: range, **more: Any) -> seqsave.SaveResult:
    return seqsave.save([picture(value) for value in values], place.url, **settings(place, **more))


def pair(value: int) -> tuple[int, int]:
    return value, value


def test_each_frame_has_its_own_picture_in_few_files(place: Place) -> None:
    result = save(place, range(70))
    assert result.counts["saved"] == 70
    assert result.warnings == ()
    assert len(packs(place)) == 2
    assert shown(place) == {(value, None): pair(value) for value in range(70)}
    known = opened(place).manifest
    assert known is not None
    assert known.complete
    assert {entry.proxy for entry in known.frames} == {name.rpartition("/")[2] for name in packs(place)}


def test_without_the_setting_nothing_is_made(place: Place) -> None:
    save(place, range(3), proxies=False)
    assert packs(place) == []
    assert set(shown(place).values()) == {(None, None)}


def test_packs_are_taken_for_frames_by_nothing(tmp_path: Path) -> None:
    seqsave.save([picture(value) for value in range(3)], tmp_path, proxies=True)
    (found,) = seqsave.find_sequences(tmp_path, recursive=True)
    assert len(found) == 3
    assert found.size == sum(path.stat().st_size for path in tmp_path.glob("*.png"))


def test_batches_and_steps(place: Place) -> None:
    with seqsave.open_writer(place.url, **settings(place, start=1001, step=5)) as writer:
        for value in (10, 90):
            writer.write_batch([picture(value), picture(value + 1)])
    assert shown(place) == {
        (1001, 0): pair(10),
        (1001, 1): pair(11),
        (1006, 0): pair(90),
        (1006, 1): pair(91),
    }
    assert len(packs(place)) == 2


def test_frames_after_the_end_have_none(place: Place) -> None:
    result = save(place, range(5), total=3)
    assert result.counts["stopped"] == 2
    assert len(shown(place)) == 3
    (pack,) = packs(place)
    data = place.read(pack)
    assert len(pack_files.unpack_all(data)) == 3


def test_a_replaced_frame_shows_its_new_picture_and_never_the_old_one(place: Place) -> None:
    save(place, range(3))
    save(place, range(201, 202), start=1)
    assert shown(place) == {(0, None): pair(0), (1, None): pair(201), (2, None): pair(2)}
    save(place, range(150, 151), start=2, proxies=False)
    assert shown(place) == {(0, None): pair(0), (1, None): pair(201), (2, None): (None, None)}


def test_the_same_bytes_keep_their_pictures(place: Place) -> None:
    save(place, range(3))
    save(place, range(3), proxies=False)
    assert shown(place) == {(value, None): pair(value) for value in range(3)}
    assert all(entry.proxy for entry in opened(place).manifest.frames)  # type: ignore[union-attr]


def test_a_frame_that_another_program_replaced_has_none(place: Place) -> None:
    save(place, range(2))
    other = place.read("frame_00001.png")
    place.write("frame_00000.png", other)  # of the same size, perhaps
    assert shown(place) == {(0, None): (None, None), (1, None): pair(1)}


def test_without_a_manifest_the_versions_of_the_files_decide(place: Place) -> None:
    save(place, range(3), manifest=False)
    assert not any(name.endswith(".json") for name in place.names())
    assert shown(place) == {(value, None): pair(value) for value in range(3)}
    save(place, range(9, 10), manifest=False, proxies=False)
    assert shown(place)[0, None] == (None, None)


def test_a_sequence_that_grows_is_shown_before_its_manifest_is_written(place: Place) -> None:
    with seqsave.open_writer(place.url, **settings(place)) as writer:
        for value in range(66):
            writer.write(picture(value))
        writer.flush()
        found = shown(place)
        assert [found[value, None] for value in range(64)] == [pair(value) for value in range(64)]
        assert found[65, None] == (None, None)  # its pack is not full


def test_a_run_over_all_frames_removes_the_packs_of_the_run_before(place: Place) -> None:
    save(place, range(5))
    before = packs(place)
    save(place, range(100, 105))
    assert len(packs(place)) == 1
    assert packs(place) != before
    assert shown(place)[4, None] == pair(104)


@pytest.mark.parametrize("proxies", [True, False])
def test_replace_removes_the_pictures_of_removed_frames(place: Place, proxies: bool) -> None:
    save(place, range(70))
    save(place, range(50, 52), if_exists="replace", proxies=proxies)
    wanted = {(0, None): pair(50), (1, None): pair(51)}
    assert shown(place) == (wanted if proxies else dict.fromkeys(wanted, (None, None)))
    assert len(packs(place)) == proxies


def test_replace_keeps_the_pictures_of_frames_outside(place: Place) -> None:
    with seqsave.open_writer(place.url, **settings(place)) as writer:
        writer.write(picture(40), index=0, batch=0)
    with pytest.warns(seqsave.SeqSaveWarning, match="other frames of this name lie in batch folders"):
        save(place, range(50, 52), if_exists="replace")
    assert shown(place)[0, 0] == pair(40)


@pytest.mark.parametrize("if_exists", ["skip", "skip valid"])
@pytest.mark.parametrize("manifest", [True, False])
def test_kept_frames_keep_their_pictures(place: Place, if_exists: str, manifest: bool) -> None:
    save(place, range(3), manifest=manifest)
    result = save(place, range(100, 105), if_exists=if_exists, manifest=manifest)
    assert result.counts["skipped"] == 3
    assert result.warnings == ()
    assert shown(place) == {(value, None): pair(value if value < 3 else value + 100) for value in range(5)}


@pytest.mark.parametrize("manifest", [True, False])
def test_kept_frames_without_pictures_are_named(place: Place, manifest: bool) -> None:
    save(place, range(3), proxies=False, manifest=manifest)
    with pytest.warns(seqsave.SeqSaveWarning, match="proxies"):
        result = save(place, range(5), if_exists="skip", manifest=manifest)
    (warning,) = result.warnings
    assert "3 frames that existed and were kept have no proxies (0-2)" in warning
    assert "seqsave proxies URL" in warning
    assert shown(place)[2, None] == (None, None)


def test_an_interrupted_run_writes_its_last_pack(place: Place) -> None:
    with pytest.raises(KeyboardInterrupt), seqsave.open_writer(place.url, **settings(place)) as writer:
        for value in range(3):
            writer.write(picture(value)).result()
        raise KeyboardInterrupt
    assert shown(place) == {(value, None): pair(value) for value in range(3)}


def test_an_error_in_the_body_leaves_the_pictures(place: Place) -> None:
    with pytest.raises(RuntimeError), seqsave.open_writer(place.url, **settings(place)) as writer:
        writer.write(picture(7))
        raise RuntimeError
    assert shown(place) == {(0, None): pair(7)}


def test_pixels_that_cannot_be_shown_cost_a_warning(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise MemoryError("no memory for it")

    monkeypatch.setattr(run_proxies, "make", fail)
    with pytest.warns(seqsave.SeqSaveWarning, match="proxies"):
        result = save(place, range(3))
    assert result.counts["saved"] == 3
    (warning,) = result.warnings
    assert "3 frames got no proxies (0-2)" in warning
    assert "no memory for it" in warning
    assert opened(place).manifest.complete  # type: ignore[union-attr]


def test_a_storage_that_refuses_packs_loses_no_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish = LocalTarget.publish

    def refusing(self: LocalTarget, path: str, *rest: Any, **how: Any) -> Any:
        if path.endswith(".pack"):
            raise seqsave.TargetError("the storage refuses packs")
        return publish(self, path, *rest, **how)

    monkeypatch.setattr(LocalTarget, "publish", refusing)
    with pytest.warns(seqsave.SeqSaveWarning, match="proxies"):
        result = seqsave.save([picture(value) for value in range(66)], tmp_path, proxies=True)
    assert result.counts["saved"] == 66
    (warning,) = result.warnings
    assert "66 frames got no proxies (0-65): the storage refuses packs" in warning
    assert seqsave.open_sequence(tmp_path).manifest.complete  # type: ignore[union-attr]


def test_a_server_that_refuses_packs_loses_no_frame(s3_server: S3Server, proxy: Proxy, options: dict[str, Any]) -> None:
    url = s3_server.new_prefix()
    proxy.answer(403, "AccessDenied", path=r"\.pack$")
    frames = [picture(value) for value in range(66)]
    with pytest.warns(seqsave.SeqSaveWarning, match="66 frames got no proxies"):
        result = seqsave.save(frames, url, proxies=True, storage_options=options, retry=QUICK)
    assert result.counts["saved"] == 66


def test_frames_from_the_spool_have_their_pictures(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], tmp_path: Path
) -> None:
    url = s3_server.new_prefix()
    kept = {"spool": tmp_path, "publish_behind": True, "storage_options": options, "filetype": "png"}
    with seqsave.open_writer(url, proxies=True, **kept) as writer:
        for value in range(66):
            writer.write(picture(value))
    publisher_behind(Spool(tmp_path)).wait(targets.resolve(url, options).identity())
    sequence = seqsave.open_sequence(url, storage_options=s3_server.storage_options)
    stored = StoredProxies(sequence)
    assert [grey(stored.jpeg(frame, "half")) for frame in sequence] == list(range(66))


def test_copies_have_pictures(place: Place, tmp_path: Path) -> None:
    from tests.cli.runner import options
    from tests.cli.runner import seqsave as command

    seqsave.save([picture(value) for value in range(3)], tmp_path)
    command("save", tmp_path, place.url, "--proxies", *options(place))
    assert shown(place) == {(value, None): pair(value) for value in range(3)}
    assert place.read("frame_00001.png") == (tmp_path / "frame_00001.png").read_bytes()


def test_tasks_of_a_run_have_pictures(place: Place) -> None:
    run = seqsave.open_run(place.url, total=4, proxies=True, storage_options=place.storage_options)
    run.begin()
    records = []
    for first in (0, 2):
        with run.part() as part:
            for value in (first, first + 1):
                part.write(picture(value), index=value)
        records += [json.loads(json.dumps(one.as_document())) for one in part.records]
    run.commit([type(part.records[0]).from_document(one) for one in records])
    assert shown(place) == {(value, None): pair(value) for value in range(4)}
    assert all(entry.proxy for entry in opened(place).manifest.frames)  # type: ignore[union-attr]


@pytest.mark.filterwarnings("ignore:frame 0. JPEG has no alpha")
@pytest.mark.parametrize("filetype", ["jpg", "png"])
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_the_picture_is_the_one_in_the_file(tmp_path: Path, filetype: str, channels: int) -> None:
    half = np.full((24, 40, channels), 200, np.uint8)
    half[..., -1] = 100
    seqsave.save([half], tmp_path, proxies=True, filetype=filetype)
    sequence = seqsave.open_sequence(tmp_path)
    decoded = sequence[0].decode()
    stored = grey(StoredProxies(sequence).jpeg(sequence[0], "half"))
    wanted = grey(make(decoded.array, decoded.info, extension=filetype).half)
    assert stored == wanted


def test_two_file_types_have_their_own(tmp_path: Path) -> None:
    seqsave.save([picture(7)], tmp_path, proxies=True, filetype=["png", "jpg"])
    for filetype in ("png", "jpg"):
        sequence = seqsave.open_sequence(tmp_path, filetype=filetype)
        assert grey(StoredProxies(sequence).jpeg(sequence[0], "half")) == 7

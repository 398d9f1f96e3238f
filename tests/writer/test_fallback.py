"""A storage that is unavailable, or refuses: the run continues, and every frame is accounted for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave import RetryPolicy, SaveError, targets
from seqsave.manifest import read
from seqsave.spool import Records, Spool, flush_place, flush_spool, publisher_of
from seqsave.spool.deferred import DeferredUpdates
from seqsave.writer import fallback
from tests.support.patience import PATIENCE
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

pytestmark = pytest.mark.s3

QUICK = RetryPolicy(attempts=2, first_wait=0.01)
FRAMES = np.random.default_rng(0).integers(0, 256, (12, 16, 24, 3), "uint8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(fallback, "LONGEST_WAIT", 0.2)


def settings(options: dict[str, Any], folder: Path, **more: Any) -> dict[str, Any]:
    return {"storage_options": options, "spool": folder, "retry": QUICK, "filetype": "png", **more}


def picture(server: S3Server, url: str, index: int) -> Any:
    sequence = seqsave.open_sequence(url, storage_options=server.storage_options)
    return sequence.frame(index).read()


def waiting(folder: Path) -> list[int]:
    return sorted(entry.index for entry in Spool(folder).contents().entries if entry.is_frame)


def flush(folder: Path, options: dict[str, Any]) -> list[str]:
    spool = Spool(folder)
    outcomes = flush_spool(spool, lambda url: targets.resolve(url, options), records=DeferredUpdates(spool))
    return [outcome.status for outcome in outcomes]


def manifest(options: dict[str, Any], url: str) -> Any:
    return read(targets.resolve(url, options), ".seqsave/frame.png.json")


# --- the run goes on -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [None, 1])
def test_a_run_over_an_outage_ends_well(
    s3_server: S3Server,
    proxy: Proxy,
    options: dict[str, Any],
    folder: Path,
    concurrency: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fallback, "FIRST_WAIT", 0.0)  # the next frame tries the storage again
    url = s3_server.new_prefix()
    events: list[str] = []
    given = settings(options, folder, concurrency=concurrency, on_event=lambda event: events.append(event.kind))
    with seqsave.open_writer(url, **given) as writer:
        for index in range(4):
            writer.write(FRAMES[index])
        writer.flush()
        proxy.answer(503, "SlowDown", methods=("PUT", "GET", "POST"))
        futures = [writer.write(FRAMES[index]) for index in range(4, 8)]
        writer.flush()
        assert [future.result().status for future in futures] == ["spooled"] * 4
        assert [future.result().url for future in futures] == [f"{url}/frame_{index:05d}.png" for index in range(4, 8)]
        assert waiting(folder) == [4, 5, 6, 7]
        assert writer.result.counts == {"saved": 4, "skipped": 0, "stopped": 0, "spooled": 4, "failed": 0}
        proxy.clear()
        for index in range(8, 12):
            writer.write(FRAMES[index])
    assert writer.result.counts == {"saved": 12, "skipped": 0, "stopped": 0, "spooled": 0, "failed": 0}
    assert len(writer.result.urls) == 12
    assert all(frame.etag for frame in writer.result.frames)
    assert events.count("spooled") >= 4
    assert waiting(folder) == []
    for index in range(12):
        assert np.array_equal(picture(s3_server, url, index), FRAMES[index])
    found = manifest(options, url)
    assert found.complete
    assert len(found.frames) == 12


def test_a_storage_that_stays_away_is_asked_now_and_then(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback, "FIRST_WAIT", 1000.0)
    monkeypatch.setattr(fallback, "LONGEST_WAIT", 1000.0)
    url = s3_server.new_prefix()
    with pytest.raises(SaveError):
        with seqsave.open_writer(url, **settings(options, folder, manifest=False)) as writer:
            writer.write(FRAMES[0]).result()
            proxy.slow_down(methods=("PUT",))
            writer.write(FRAMES[1]).result()
            before = proxy.count()
            for index in range(2, 12):
                writer.write(FRAMES[index])
            writer.flush()
            assert proxy.count() == before
    assert proxy.count("PUT") <= before + 1  # once more at the end
    assert waiting(folder) == list(range(1, 12))


def test_frames_that_are_left_at_the_end_are_reported(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], folder: Path
) -> None:
    url = s3_server.new_prefix()
    with pytest.raises(SaveError) as caught:
        with seqsave.open_writer(url, **settings(options, folder)) as writer:
            for index in range(3):
                writer.write(FRAMES[index]).result()
            proxy.slow_down(methods=("PUT", "GET"))
            for index in range(3, 12):
                writer.write(FRAMES[index])
    text = str(caught.value)
    assert f"9 of 12 accepted frames not saved to {url} (3-11; 3 saved, 9 in the spool {folder}, 0 lost)" in text
    assert "throttling" in text
    names = " ".join(f"--storage-option {name}=..." for name in sorted(options))
    assert text.endswith(f"seqsave flush {folder} {names}")
    assert caught.value.result is not None
    assert caught.value.result.counts["spooled"] == 9
    assert len(caught.value.result.urls) == 3
    assert options["secret"] not in text

    proxy.clear()
    found = manifest(options, url)
    assert not found.complete
    assert set(flush(folder, options)) == {"published"}
    found = manifest(options, url)
    assert found.complete, found.obstacles()
    assert len(found.frames) == 12
    assert all(frame.checksum for frame in found.frames)
    for index in range(12):
        assert np.array_equal(picture(s3_server, url, index), FRAMES[index])


def test_a_storage_that_was_never_there(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], folder: Path
) -> None:
    url = s3_server.new_prefix()
    proxy.slow_down(methods=("PUT", "GET"))
    with pytest.raises(SaveError, match="0 saved, 12 in the spool"):
        seqsave.save(FRAMES, url, **settings(options, folder))
    assert s3_server.keys(url) == []
    proxy.clear()
    assert set(flush(folder, options)) == {"published"}
    assert len([name for name in s3_server.keys(url) if name.endswith(".png")]) == 12
    found = manifest(options, url)
    assert found.complete, found.obstacles()
    assert len(found.frames) == 12


def test_the_manifest_alone_that_did_not_get_there(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], folder: Path
) -> None:
    url = s3_server.new_prefix()
    with pytest.raises(SaveError, match=r"all frames are saved, but the manifest is not.*throttling.*seqsave flush"):
        with seqsave.open_writer(url, **settings(options, folder)) as writer:
            writer.write_frames(FRAMES)
            writer.flush()
            proxy.slow_down(methods=("PUT", "GET"))
    assert writer.result.counts["saved"] == 12
    proxy.clear()
    assert not manifest(options, url).complete
    assert flush(folder, options) == ["published"]
    assert manifest(options, url).complete
    assert Spool(folder).contents().entries == ()


def test_the_next_writer_publishes_what_is_left(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], folder: Path
) -> None:
    url = s3_server.new_prefix()
    fault = proxy.slow_down(methods=("PUT", "GET"))
    with pytest.raises(SaveError):
        seqsave.save(FRAMES[:6], url, **settings(options, folder))
    assert fault.hits
    proxy.clear()
    result = seqsave.save(FRAMES[6:], url, **settings(options, folder, start=6))
    assert result.counts["saved"] == 6
    assert waiting(folder) == []
    for index in range(12):
        assert np.array_equal(picture(s3_server, url, index), FRAMES[index])
    assert manifest(options, url).complete


def test_a_newer_frame_is_not_replaced_by_an_older_one(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], folder: Path
) -> None:
    url = s3_server.new_prefix()
    proxy.slow_down(methods=("PUT", "GET"))
    with pytest.raises(SaveError):
        seqsave.save(FRAMES[:2], url, **settings(options, folder))
    with pytest.raises(SaveError):
        seqsave.save(FRAMES[2:4], url, **settings(options, folder))
    assert waiting(folder) == [0, 1]
    proxy.clear()
    assert set(flush(folder, options)) == {"published"}
    assert np.array_equal(picture(s3_server, url, 0), FRAMES[2])
    assert np.array_equal(picture(s3_server, url, 1), FRAMES[3])


# --- what stops the run ----------------------------------------------------------------------------------------------


def test_a_wrong_key_stops_the_run_and_keeps_the_frame(
    s3_server: S3Server, options: dict[str, Any], folder: Path
) -> None:
    url = s3_server.new_prefix()
    wrong = {**options, "secret": "wrong" * 8}
    with pytest.raises(SaveError, match="in the spool") as caught:
        with seqsave.open_writer(url, **settings(wrong, folder, concurrency=1)) as writer:
            for frame in FRAMES:
                writer.write(frame)
    assert caught.value.result is not None
    assert caught.value.result.counts == {"saved": 0, "skipped": 0, "stopped": 0, "spooled": 1, "failed": 0}
    assert waiting(folder) == [0]
    assert set(flush(folder, options)) == {"published"}
    assert not manifest(options, url).complete  # it is unknown how many there would have been


def test_rights_that_are_revoked_do_not_stop_the_run(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], folder: Path
) -> None:
    url = s3_server.new_prefix()
    with pytest.raises(SaveError, match="1 saved, 11 in the spool"):
        with seqsave.open_writer(url, **settings(options, folder)) as writer:
            writer.write(FRAMES[0]).result()
            proxy.answer(403, "AccessDenied", methods=("PUT",))
            for frame in FRAMES[1:]:
                writer.write(frame)
    proxy.clear()
    assert set(flush(folder, options)) == {"published"}


def test_credentials_that_expire(s3_server: S3Server, proxy: Proxy, options: dict[str, Any], folder: Path) -> None:
    url = s3_server.new_prefix()
    with pytest.raises(SaveError, match=r"1 saved, 11 in the spool.*expired"):
        with seqsave.open_writer(url, **settings(options, folder)) as writer:
            writer.write(FRAMES[0]).result()
            proxy.answer(400, "ExpiredToken", methods=("PUT", "GET"))
            for frame in FRAMES[1:]:
                writer.write(frame)
    proxy.clear()
    assert set(flush(folder, options)) == {"published"}
    assert manifest(options, url).complete


def test_a_collision_is_not_for_the_spool(s3_server: S3Server, options: dict[str, Any], folder: Path) -> None:
    url = s3_server.new_prefix()
    s3_server.write(f"{url}/frame_00000.png", b"theirs")
    with pytest.raises(SaveError) as caught:
        seqsave.save(FRAMES[:1], url, **settings(options, folder, if_exists="error"))
    assert isinstance(caught.value.__cause__, seqsave.FrameExistsError)
    assert not folder.exists()


def test_a_collision_that_comes_out_later(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], folder: Path
) -> None:
    url = s3_server.new_prefix()
    proxy.slow_down(methods=("PUT", "GET"))
    with pytest.raises(SaveError):
        seqsave.save(FRAMES[:2], url, **settings(options, folder, if_exists="error"))
    proxy.clear()
    s3_server.write(f"{url}/frame_00000.png", b"theirs")
    assert sorted(flush(folder, options)) == ["conflict", "published", "published"]  # with the update of the manifest
    assert s3_server.read(f"{url}/frame_00000.png") == b"theirs"
    assert waiting(folder) == [0]
    assert not manifest(options, url).complete


def test_a_full_spool_fails_the_frame_by_name(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    Path(os.environ["SEQSAVE_CONFIG"]).write_text("[spool]\nmax_bytes = 5000\n")
    url = s3_server.new_prefix()
    proxy.slow_down(methods=("PUT", "GET"))
    with pytest.raises(SaveError, match=r"the spool .* is full.*was to be spooled because.*throttling") as caught:
        seqsave.save(FRAMES, url, **settings(options, folder, concurrency=1))
    assert caught.value.result is not None
    counts = caught.value.result.counts
    assert counts["spooled"] == len(waiting(folder)) > 0
    assert counts["failed"] == 1
    proxy.clear()
    assert "published" in flush(folder, options)


def test_the_error_of_a_block_reports_the_spooled_frames(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], folder: Path
) -> None:
    url = s3_server.new_prefix()
    with pytest.raises(seqsave.ImageError) as caught:
        with seqsave.open_writer(url, **settings(options, folder)) as writer:
            writer.write(FRAMES[0]).result()
            proxy.slow_down(methods=("PUT", "GET"))
            writer.write(FRAMES[1]).result()
            writer.write("no picture")
    assert "the frame saved before the error is kept" in caught.value.aftermath
    assert f"1 in the spool {folder}: publish them with seqsave flush {folder}" in caught.value.aftermath


def test_what_is_beside_a_frame_goes_along(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], folder: Path
) -> None:
    url = s3_server.new_prefix()
    proxy.slow_down(methods=("PUT", "GET"))
    given = settings(options, folder, filetype="jpg with embedded workflow", metadata={"workflow": "x" * 100_000})
    with pytest.warns(seqsave.SeqSaveWarning, match="does not fit"), pytest.raises(SaveError):
        seqsave.save(FRAMES[:1], url, **given)
    proxy.clear()
    assert flush(folder, options) == ["published"]
    frame = seqsave.open_sequence(url, storage_options=options).frame(0)
    assert frame.read_metadata()["workflow"] == "x" * 100_000


def test_without_a_manifest_none_is_made(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], folder: Path
) -> None:
    url = s3_server.new_prefix()
    proxy.slow_down(methods=("PUT", "GET"))
    with pytest.raises(SaveError):
        seqsave.save(FRAMES[:2], url, **settings(options, folder, manifest=False))
    proxy.clear()
    assert flush(folder, options) == ["published", "published"]
    assert s3_server.keys(url) == ["frame_00000.png", "frame_00001.png"]


def test_a_healthy_run_leaves_no_trace(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], folder: Path
) -> None:
    urls = [s3_server.new_prefix(), s3_server.new_prefix()]
    counts = []
    for url, spool in zip(urls, (None, folder), strict=True):
        before = proxy.count()
        seqsave.save(FRAMES, url, storage_options=options, spool=spool, filetype="png")
        counts.append(proxy.count() - before)
    assert counts[0] == counts[1]
    assert not folder.exists()


@pytest.mark.parametrize("spool", ["", 3, "s3://bucket/spool"])
def test_what_is_no_spool(spool: Any, tmp_path: Path) -> None:
    with pytest.raises(seqsave.OptionError, match="spool is"):
        seqsave.open_writer(tmp_path / "renders", spool=spool)


# --- a real server that goes and comes -------------------------------------------------------------------------------


def test_a_server_that_is_killed_and_comes_back(
    own_s3_server: S3Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback, "FIRST_WAIT", 0.0)  # the next frame tries the storage again
    server = own_s3_server
    url = server.new_prefix()
    with seqsave.open_writer(url, **settings(server.storage_options, folder)) as writer:
        for index in range(4):
            writer.write(FRAMES[index]).result()
        server.kill()
        kept = [writer.write(FRAMES[index]) for index in range(4, 8)]
        writer.flush()
        assert [future.result().status for future in kept] == ["spooled"] * 4
        server.restart()
        for index in range(8, 12):
            writer.write(FRAMES[index])
    assert writer.result.counts["saved"] == 12
    for index in range(12):
        assert np.array_equal(picture(server, url, index), FRAMES[index])
    assert manifest(server.storage_options, url).complete


# --- behind ----------------------------------------------------------------------------------------------------------


def behind(options: dict[str, Any], folder: Path, **more: Any) -> dict[str, Any]:
    return settings(options, folder, publish_behind=True, **more)


def wait_for(url: str, options: dict[str, Any], folder: Path) -> None:
    publisher_of(Spool(folder), Records).wait(targets.resolve(url, options).identity())


def test_publishing_behind(s3_server: S3Server, options: dict[str, Any], folder: Path) -> None:
    url = s3_server.new_prefix()
    result = seqsave.save(FRAMES, url, **behind(options, folder))
    assert {frame.status for frame in result.frames} <= {"spooled", "saved"}  # some may be there by now
    wait_for(url, options, folder)
    for index in range(12):
        assert np.array_equal(picture(s3_server, url, index), FRAMES[index])
    assert Spool(folder).contents().entries == ()
    found = manifest(options, url)
    assert found.complete, found.obstacles()
    assert len(found.frames) == 12


def test_publishing_behind_waits_for_no_storage(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = s3_server.new_prefix()
    proxy.stall(methods=("PUT", "GET"))
    result = seqsave.save(FRAMES, url, **behind(options, folder))
    assert result.counts["spooled"] == 12
    proxy.clear()
    assert len(waiting(folder)) == 12


def test_behind_without_a_folder_is_the_usual_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQSAVE_SPOOL", str(tmp_path / "usual"))
    result = seqsave.save(FRAMES[:3], tmp_path / "renders", publish_behind=True)
    assert len(result.frames) == 3
    publisher_of(Spool(tmp_path / "usual"), Records).wait(targets.resolve(tmp_path / "renders").identity())
    assert len(list((tmp_path / "renders").glob("*.png"))) == 3
    place = targets.resolve(tmp_path / "renders")
    assert flush_place(Spool(tmp_path / "usual"), place, place.identity(), records=Records()) == []


@pytest.mark.parametrize("gone", ["all", "one"])
def test_an_entry_that_was_deleted_is_a_frame_that_is_not_saved(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], folder: Path, gone: str
) -> None:
    url = s3_server.new_prefix()
    with pytest.raises(SaveError, match=r"deleted from the spool .*: save the frame again") as caught:
        with seqsave.open_writer(url, total=4, **settings(options, folder)) as writer:
            writer.write(FRAMES[0]).result(PATIENCE)
            proxy.slow_down(methods=("PUT",))
            kept = [writer.write(frame).result(PATIENCE) for frame in FRAMES[1:4]]
            assert [frame.status for frame in kept] == ["spooled"] * 3
            entries = sorted(folder.glob("*/*.frame"))
            for entry in entries if gone == "all" else entries[:1]:
                entry.unlink()
            proxy.clear()
    assert caught.value.result is not None
    lost = 3 if gone == "all" else 1
    assert caught.value.result.counts == {"saved": 4 - lost, "skipped": 0, "stopped": 0, "spooled": 0, "failed": lost}
    assert len([key for key in s3_server.keys(url) if key.endswith(".png")]) == 4 - lost
    sequence = seqsave.open_sequence(url, storage_options=s3_server.storage_options)
    assert sequence.manifest is not None
    assert not sequence.manifest.complete

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from seqsave import targets
from seqsave.spool import Spool
from tests.cli.runner import options, seqsave
from tests.spool.kept import keep, target_of

if TYPE_CHECKING:
    from tests.support.places import Place
    from tests.support.s3 import S3Server


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def test_flush_publishes_and_says_so(place: Place, spool: Spool) -> None:
    for index in (3, 4, 5, 9):
        keep(spool, target_of(place), index, b"12345")
    result = seqsave("flush", spool.folder, *options(place))
    assert result.out == ""
    assert result.err == f"published 4 frames (20 B): frame_#####.png 3-5,9 in {place.url}\n"
    assert len(place.names()) == 4
    again = seqsave("flush", spool.folder, *options(place))
    assert again.err == f"the spool {spool.folder} has no waiting frames\n"


def test_flush_as_json(tmp_path: Path, spool: Spool) -> None:
    target = targets.resolve(tmp_path / "renders")
    keep(spool, target, 1, create=True)
    keep(spool, target, 2, create=True)
    target.publish("frame_00002.png", b"theirs", content_type="image/png")
    result = seqsave("flush", spool.folder, "--json", status=1)
    assert "1 frame left in the spool" in result.err
    document = result.document
    assert document["counts"] == {"published": 1, "conflict": 1}
    assert document["left"] == 1
    found = {frame["index"]: frame for frame in document["frames"]}
    assert found[1]["status"] == "published"
    assert found[1]["verified"] is True
    assert found[2]["status"] == "conflict"
    assert "--if-exists error" in found[2]["message"]
    assert Path(found[2]["file"]).exists()


def test_only_one_target(tmp_path: Path, spool: Spool) -> None:
    for name in ("one", "one/below", "two", "oneother"):
        keep(spool, targets.resolve(tmp_path / name), 1)
    seqsave("flush", spool.folder, "--target", tmp_path / "one")
    assert sorted(entry.target for entry in spool.contents().entries) == [
        str(tmp_path / "oneother"),
        str(tmp_path / "two"),
    ]
    again = seqsave("flush", spool.folder, "--target", tmp_path / "one")
    assert again.err == f"the spool {spool.folder} has no waiting frames for {tmp_path / 'one'}\n"


def test_the_usual_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQSAVE_SPOOL", str(tmp_path / "usual"))
    assert f"the spool {tmp_path / 'usual'} does not exist" in seqsave("flush").err
    keep(Spool(tmp_path / "usual"), targets.resolve(tmp_path / "renders"), 1)
    assert "1 frame waiting" in seqsave("spool").out
    seqsave("flush", "--quiet")
    assert (tmp_path / "renders" / "frame_00001.png").exists()


@pytest.mark.parametrize("command", ["flush", "spool"])
def test_what_is_no_folder(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").touch()
    assert "is not a folder" in seqsave(command, tmp_path / "file", status=2).err


def test_a_spool_that_was_never_needed(tmp_path: Path) -> None:
    assert seqsave("flush", tmp_path / "spool").err.endswith("spool does not exist\n")
    result = seqsave("spool", tmp_path / "spool")
    assert "0 frames waiting" in result.out
    assert result.err.endswith("spool does not exist\n")
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize("command", ["flush", "spool"])
def test_a_misspelt_spool_is_named_with_the_folder_beside_it(tmp_path: Path, command: str) -> None:
    (tmp_path / "spool").mkdir(mode=0o700)
    missing = f"the spool {tmp_path / 'spol'} does not exist (did you mean 'spool'?)"
    assert seqsave(command, tmp_path / "spol").err.endswith(f"{missing}\n")
    keep(Spool(tmp_path / "spool"), targets.resolve(tmp_path / "renders"), 1)
    stated = seqsave(command, tmp_path / "spol", status=1)
    assert stated.err == f"seqsave: error: {missing}: that one has waiting frames\n"


def test_only_folders_of_similar_names_are_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that lie beside a spool may be many, or on a storage that hangs."""
    for name in ("spool", "spoon", "renders", "shot010"):
        keep(Spool(tmp_path / name), targets.resolve(tmp_path / "out"), 1)
    opened, contents = [], Spool.contents
    monkeypatch.setattr(Spool, "contents", lambda self: (opened.append(self.folder.name), contents(self))[1])
    assert "did you mean 'spool'?" in seqsave("spool", tmp_path / "spol", status=1).err
    assert opened == ["spool"]
    (tmp_path / "spool").rename(tmp_path / "another")
    (tmp_path / "spool").mkdir(mode=0o700)
    assert "did you mean 'spoon'?" in seqsave("spool", tmp_path / "spol", status=1).err
    assert opened == ["spool", "spool", "spoon"]


@pytest.mark.parametrize("command", ["flush", "spool"])
def test_a_spool_in_a_folder_that_does_not_exist(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "none" / "spool"
    stated = seqsave(command, folder, status=1)
    assert stated.err == f"seqsave: error: the spool {folder} does not exist, and neither does {folder.parent}\n"


def test_a_save_that_needs_no_spool_makes_none(tmp_path: Path) -> None:
    np.save(tmp_path / "frames.npy", np.zeros((3, 4, 6, 3), "uint8"))
    seqsave("save", tmp_path / "frames.npy", tmp_path / "renders", "--spool", tmp_path / "spool")
    assert not (tmp_path / "spool").exists()


def test_a_spool_that_cannot_be_made_stops_no_save_that_needs_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    np.save(tmp_path / "frames.npy", np.zeros((3, 4, 6, 3), "uint8"))
    seqsave("save", tmp_path / "frames.npy", tmp_path / "renders", "--spool", tmp_path / "file" / "spool")


def test_a_save_whose_storage_is_away(s3_server: S3Server, spool: Spool, tmp_path: Path) -> None:
    import numpy as np

    from tests.support.proxy import Proxy

    np.save(tmp_path / "frames.npy", np.zeros((3, 4, 6, 3), "uint8"))
    with Proxy(s3_server.endpoint_url) as proxy:
        given = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
        options = [part for key, value in given.items() for part in ("--storage-option", f"{key}={value}")]
        proxy.slow_down(methods=("PUT", "GET"))
        url = s3_server.new_prefix()
        arguments = ["save", tmp_path / "frames.npy", url, "--spool", spool.folder, "--attempts", 1, *options]
        result = seqsave(*arguments, "--json", status=1)
        assert f"3 in the spool {spool.folder}, 0 lost" in result.err
        names = sorted(("endpoint_url", "key", "secret"))
        options_needed = " ".join(f"--storage-option {name}=..." for name in names)
        assert f"To publish the spooled frames: seqsave flush {spool.folder} {options_needed}\n" in result.err
        assert result.document["counts"]["spooled"] == 3
        assert result.document["spooled"] == "0-2"
        assert result.document["indices"] == ""
        proxy.clear()
        result = seqsave("flush", spool.folder, *options)
        assert "published 3 frames (" in result.err
        assert ": frame_#####.png 0-2 in s3://" in result.err
        assert "complete" in s3_server.read(f"{url}/.seqsave/frame.png.json").decode()


def test_what_is_left_is_counted_in_frames(spool: Spool, tmp_path: Path) -> None:
    np.save(tmp_path / "frames.npy", np.zeros((3, 4, 4, 3), np.uint8))
    away = [
        "--storage-option",
        "endpoint_url=http://127.0.0.1:9",
        "--storage-option",
        "key=k",
        "--storage-option",
        "secret=s",
    ]
    seqsave("save", tmp_path / "frames.npy", "s3://b/x", "--spool", spool.folder, "--attempts", 1, *away, status=1)
    result = seqsave("flush", spool.folder, "--attempts", 1, *away, status=1)
    assert "3 frames left in the spool" in result.err  # the note for the manifest is none


def test_flush_reports_why_it_fails(tmp_path: Path, spool: Spool) -> None:
    for index in range(3):
        keep(spool, targets.resolve(tmp_path / "renders"), index)
    (tmp_path / "renders").write_text("a file where the folder should be")
    result = seqsave("flush", spool.folder, status=1)
    assert "is a file" in result.err
    assert result.err.count("cannot save") == 1
    assert "3 frames left in the spool" in result.err


def test_a_flush_without_credentials(s3_server: S3Server, spool: Spool) -> None:
    target = targets.resolve(s3_server.new_prefix(), s3_server.storage_options)
    for index in range(3):
        keep(spool, target, index)
    result = seqsave("flush", spool.folder, "--storage-option", f"endpoint_url={s3_server.endpoint_url}", status=1)
    assert "no credentials were found" in result.err
    assert "3 frames left in the spool" in result.err
    assert s3_server.secret not in result.err


def test_a_flush_to_another_endpoint(s3_server: S3Server, spool: Spool) -> None:
    keep(spool, targets.resolve(s3_server.new_prefix(), s3_server.storage_options), 1)
    result = seqsave("flush", spool.folder, status=1)
    assert f"endpoint was {s3_server.endpoint_url} and is amazonaws.com" in result.err


def test_a_configured_name(s3_server: S3Server, spool: Spool) -> None:
    config = Path(os.environ["SEQSAVE_CONFIG"])
    root = s3_server.new_prefix()
    given = ", ".join(f'{name} = "{value}"' for name, value in s3_server.storage_options.items())
    config.write_text(f'[targets.renders]\nurl = "{root}"\nstorage_options = {{ {given} }}\n')
    keep(spool, targets.resolve("renders://shot"), 1)
    (entry,) = spool.contents().entries
    assert entry.target == "renders://shot"
    seqsave("flush", spool.folder)
    assert s3_server.keys(root) == ["shot/frame_00001.png"]
    keep(spool, targets.resolve("renders://shot"), 1)
    config.write_text(config.read_text().replace(root, s3_server.new_prefix()))
    assert "not the target that these frames were saved for: root was" in seqsave("flush", spool.folder, status=1).err


def test_spool_lists_what_waits(tmp_path: Path, spool: Spool) -> None:
    target = targets.resolve(tmp_path / "renders")
    for index in range(5):
        keep(spool, target, index, b"1234567890", why="the storage cannot be reached")
    broken = keep(spool, target, 9)
    Path(broken.name).write_bytes(b"")
    out = seqsave("spool", spool.folder).out.splitlines()
    assert out[0] == f"{spool.folder}: 5 frames waiting (50 B of 21.5 GB)"
    assert out[1].startswith(f"  frame_#####.png 0-4 for {target.url} (50 B, since 20")
    assert out[1].endswith("): the storage cannot be reached")
    assert out[2].startswith(f"  damaged: {broken.name} is not a valid entry")
    document = seqsave("spool", spool.folder, "--json").document
    assert [frame["index"] for frame in document["frames"]] == list(range(5))
    assert document["size"] == 50
    assert [one["file"] for one in document["damaged"]] == [broken.name]
    seqsave("flush", spool.folder, status=1)
    out = seqsave("spool", spool.folder).out.splitlines()
    assert out[0].startswith(f"{spool.folder}: 0 frames waiting")
    assert out[1].startswith("  damaged, moved aside: ")


def test_batches_are_one_sequence(tmp_path: Path, spool: Spool) -> None:
    from tests.spool.kept import item

    target = targets.resolve(tmp_path / "renders")
    for batch in (0, 1):
        one: Any = item(f"shots/batch_{batch:04d}/a_00007.png", b"1")
        spool.put([one], target=target.url, place=target.identity(), path=one.facts.path, index=7, batch=batch)
    assert "shots/a_#####.png 7 for" in seqsave("spool", spool.folder).out


def test_a_conflict_is_named_and_replaced_on_request(place: Place, spool: Spool) -> None:
    keep(spool, target_of(place), 1, b"ours")
    place.write("frame_00001.png", b"theirs")
    result = seqsave("flush", spool.folder, "--json", *options(place), status=1)
    (frame,) = result.document["frames"]
    assert (frame["status"], frame["reason"]) == ("conflict", "changed")
    assert f"seqsave flush --replace {spool.folder}" in result.err
    assert place.read("frame_00001.png") == b"theirs"
    seqsave("flush", spool.folder, "--replace", *options(place))
    assert place.read("frame_00001.png") == b"ours"

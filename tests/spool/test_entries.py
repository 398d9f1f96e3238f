from __future__ import annotations

import json
import zlib
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsave.spool.before import Before
from seqsave.spool.entries import DamagedError, Entry, FileFacts, Item, NewerError, pack, read_entry, read_header
from seqsave.targets.urls import bad_component
from seqsave.wording import crc32_text

if TYPE_CHECKING:
    from pathlib import Path

PLACE = {"storage": "s3", "root": "renders/shot", "endpoint": "https://objects.example"}


def entry_of(*items: Item, **more: object) -> Entry:
    files = tuple(one.facts for one in items)
    return Entry(target="s3://renders/shot", place=PLACE, path=files[-1].path, files=files, index=7, **more)  # type: ignore[arg-type]


def item(path: str, data: bytes) -> Item:
    return Item(FileFacts(path=path, size=len(data), crc32=zlib.crc32(data), content_type="image/png"), data)


BEFORE = Before().as_document()
FRAME = item("frame_00007.png", b"\x89PNG and so on\n\n")
SIDECAR = item(".seqsave/frame_00007.png.9ae0daaf.workflow.json", b"{}")


PATHS = st.text(min_size=1).filter(lambda text: bad_component(text) is None)


@given(
    datas=st.lists(st.binary(max_size=300), min_size=1, max_size=4),
    names=st.lists(PATHS, min_size=4, max_size=4, unique=True),
    facts=st.dictionaries(st.text(), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)),
    why=st.text(),
    batch=st.none() | st.integers(0, 2**62),
)
@settings(max_examples=50, deadline=None)
def test_what_is_put_there_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    datas: list[bytes],
    names: list[str],
    facts: dict[str, object],
    why: str,
    batch: int | None,
) -> None:
    name = tmp_path_factory.mktemp("spool") / "entry"
    items = [item(path, data) for path, data in zip(names, datas, strict=False)]
    given_entry = entry_of(*items, facts=facts, why=why, batch=batch, run="r", time="2026-11-23T00:00:00+00:00")
    name.write_bytes(pack(given_entry, items))
    entry, found = read_entry(name)
    assert found == datas
    assert (entry.files, entry.facts, entry.why, entry.batch) == (given_entry.files, facts, why, batch)
    assert read_header(name) == entry
    assert entry.identity == given_entry.identity


def test_the_header_is_one_line_that_people_can_read(tmp_path: Path) -> None:
    data = pack(entry_of(SIDECAR, FRAME), [SIDECAR, FRAME])
    line, _, rest = data.partition(b"\n")
    head = json.loads(line)
    assert head["seqsave_spool"] == 3
    assert head["entry"]["target"] == "s3://renders/shot"
    assert rest == b"{}" + FRAME.data


def test_every_change_of_a_byte_is_seen(tmp_path: Path) -> None:
    whole = pack(entry_of(SIDECAR, FRAME), [SIDECAR, FRAME])
    name = tmp_path / "entry"
    for position in range(len(whole)):
        name.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(DamagedError, match="is not a valid entry") as caught:
            read_entry(name)
        assert caught.value.reason == "damaged"


def test_every_cut_is_seen(tmp_path: Path) -> None:
    whole = pack(entry_of(SIDECAR, FRAME), [SIDECAR, FRAME])
    name = tmp_path / "entry"
    for length in range(len(whole)):
        name.write_bytes(whole[:length])
        with pytest.raises(DamagedError, match="is not a valid entry"):
            read_entry(name)
    name.write_bytes(whole + b"x")
    with pytest.raises(DamagedError, match="have 18 bytes by its header, and 19 in the file"):
        read_entry(name)


@pytest.mark.parametrize(
    "content", [b"", b"[]\n", b"null\n", b"{}\n", b"\xff\n", b"[" * 100_000 + b"\n", b'{"a": 1}\n']
)
def test_what_is_no_entry_is_an_error(tmp_path: Path, content: bytes) -> None:
    name = tmp_path / "entry"
    name.write_bytes(content)
    with pytest.raises(DamagedError, match="not a header"):
        read_header(name)


def test_another_format_is_an_error(tmp_path: Path) -> None:
    name = tmp_path / "entry"
    data = pack(entry_of(FRAME), [FRAME])
    name.write_bytes(data.replace(b'"seqsave_spool":3', b'"seqsave_spool":4'))
    with pytest.raises(NewerError, match=r"newer version of seqsave \(format 4\)") as caught:
        read_header(name)
    assert caught.value.reason == "newer"
    for version in (b"0", b"-1", b"true", b'"3"', b"null"):
        name.write_bytes(data.replace(b'"seqsave_spool":3', b'"seqsave_spool":' + version))
        with pytest.raises(DamagedError, match="format"):
            read_header(name)


@pytest.mark.parametrize("version", [1, 2])
def test_older_formats_are_read(tmp_path: Path, version: int) -> None:
    name = tmp_path / "entry"
    name.write_bytes(forged(version, before=..., time="2026-11-23T00:00:00+00:00") + FRAME.data)
    found = read_header(name)
    assert (found.index, found.before.state) == (7, "unknown")
    assert found.before.began == datetime(2026, 11, 23, tzinfo=timezone.utc).timestamp()


def test_no_secret_of_a_url_is_kept() -> None:
    entry = Entry(target="ftp://me:hush@host/x", place=PLACE, path="f", files=(item("f", b"").facts,), index=0)
    assert b"hush" not in pack(entry, [item("f", b"")])


def forged(version: int = 3, **changes: object) -> bytes:
    """Return an entry with a right checksum, as another program, or a user who corrects the checksum, would write it.

    A change to ``...`` takes the field out.
    """
    head = json.loads(pack(entry_of(FRAME), [FRAME]).partition(b"\n")[0])
    entry = head["entry"]
    entry["files"][0].update({name[5:]: value for name, value in changes.items() if name.startswith("file_")})
    entry.update({name: value for name, value in changes.items() if not name.startswith("file_")})
    entry = {name: value for name, value in entry.items() if value is not ...}
    body = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()
    head["checksum"] = crc32_text(zlib.crc32(body))
    head["seqsave_spool"] = version
    return json.dumps({**head, "entry": json.loads(body)}, sort_keys=True, separators=(",", ":")).encode() + b"\n"


@pytest.mark.parametrize(
    "changes",
    [
        {"file_path": "../../evil.png", "path": "../../evil.png"},
        {"file_path": "/tmp/evil.png", "path": "/tmp/evil.png"},
        {"file_path": 5, "path": 5},
        {"file_size": "5"},
        {"file_size": None},
        {"file_size": -1},
        {"file_size": 10**30},
        {"file_size": 10**12},
        {"file_size": True},
        {"file_crc32": "x"},
        {"file_content_type": 5},
        {"target": 5},
        {"index": "x"},
        {"index": -(2**63)},
        {"batch": "x"},
        {"batch": -1},
        {"batch": [[]]},
        {"target": "/renders/\ud800"},
        {"file_path": "\ud800.png", "path": "\ud800.png"},
        {"place": []},
        {"place": {"root": 5}},
        {"facts": [1]},
        {"facts": {"manifest": 3}},
        {"facts": {"frame": {"index": "0"}}},
        {"path": "another.png"},
        {"unknown": 1},
        {"before": None},
        {"before": {"state": "file"}},
        *(
            {"before": {**BEFORE, **change}}
            for change in ({"state": "x"}, {"size": -1}, {"own": [[1]]}, {"own": [[1, -1]]})
        ),
        *(
            {"before": {**BEFORE, **change}}
            for change in ({"version": 5}, {"began": 1e300}, {"began": "x"}, {"new": 1})
        ),
    ],
    ids=str,
)
def test_a_right_checksum_does_not_make_wrong_values_right(tmp_path: Path, changes: dict[str, object]) -> None:
    name = tmp_path / "entry"
    name.write_bytes(forged() + bytes(FRAME.data))
    assert read_header(name).index == 7
    name.write_bytes(forged(**changes) + bytes(FRAME.data))
    with pytest.raises(DamagedError, match=r"is not a valid entry of a spool: "):
        read_header(name)

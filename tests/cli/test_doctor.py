"""``seqsave doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cli.runner import options, seqsave

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.places import Place


def test_a_good_place(place: Place) -> None:
    result = seqsave("doctor", place.url, *options(place))
    assert "  ok      create: existing files are never replaced" in result.out
    document = seqsave("doctor", place.url, "--json", *options(place)).document
    assert document["ok"] is True
    assert [check["name"] for check in document["checks"]][-1] == "delete"


def test_a_bad_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    result = seqsave("doctor", str(tmp_path / "file"), status=1)
    assert "  failed  write: cannot save" in result.out
    assert "skipped" not in result.out


def test_no_place_at_all() -> None:
    assert "is neither a storage nor a configured target" in seqsave("doctor", "nowhere://x", status=2).err

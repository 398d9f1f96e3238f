"""``doctor``: each thing that can be wrong with a storage is seen, and nothing is left behind."""

from __future__ import annotations

import dataclasses
import platform
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest

from seqsave import TargetError, targets
from seqsave.targets.doctor import examine, installed_versions
from seqsave.targets.memory import MemoryTarget

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.places import Place
    from tests.support.s3 import S3Server


def statuses(target: targets.Target) -> dict[str, str]:
    return {check.name: check.status for check in examine(target).checks}


def wrong(target: targets.Target) -> dict[str, str]:
    """Name to message of what is not ok."""
    return {check.name: check.message for check in examine(target).checks if check.status in ("warning", "failed")}


def test_a_good_place(place: Place) -> None:
    target = targets.resolve(place.url, place.storage_options)
    before = place.names()
    found = examine(target)
    assert found.ok
    assert {check.status for check in found.checks} == {"ok"}
    assert place.names() == before


def test_folders_that_it_made_are_removed_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for place in ("mine", "mine/new", "mine/new/er"):
        assert examine(targets.resolve(tmp_path / place)).ok
        assert [path.name for path in tmp_path.rglob("*")] == ["mine"]
    (tmp_path / "mine" / ".seqsave").mkdir()
    assert examine(targets.resolve(tmp_path / "mine")).ok
    assert [path.name for path in (tmp_path / "mine").rglob("*")] == [".seqsave"]


def test_what_a_bucket_says_of_itself(s3_server: S3Server) -> None:
    found = examine(targets.resolve(s3_server.new_prefix(), {**s3_server.storage_options, "client": "s3fs"}))
    assert found.facts["content type"] == "image/png"
    assert found.facts["endpoint"] == s3_server.endpoint_url
    assert next(check for check in found.checks if check.name == "clock").message == "the same as the storage's"


def test_no_bucket_and_a_wrong_secret(s3_server: S3Server) -> None:
    missing = examine(targets.resolve("s3://no-such-bucket-here/x", s3_server.storage_options))
    assert not missing.ok
    (failed,) = (check for check in missing.checks if check.status == "failed")
    assert "create it or correct the URL" in failed.message
    assert not [check.message for check in missing.checks if "does not need this right" in check.message]
    assert [check.status for check in missing.checks][2:] == ["skipped"] * 7
    refused = examine(
        targets.resolve(s3_server.new_prefix(), {**s3_server.storage_options, "secret": "not-the-secret"})
    )
    assert not refused.ok
    assert all("not-the-secret" not in check.message for check in refused.checks)


class _Strange(MemoryTarget):
    """Memory that misbehaves in one way: ``fault``."""

    fault = ""
    skew = 0.0

    def publish(self, path: str, data: Any, *, create: bool = False, **more: Any) -> targets.Published:
        if self.fault == "full":
            raise TargetError(f"cannot save {path}: the disk is full")
        return super().publish(path, data, create=create and self.fault != "ignores create", **more)

    def list(self, folder: str = "") -> list[targets.Entry]:
        if self.fault == "no list":
            raise TargetError("cannot list: the credentials do not allow it")
        return super().list(folder)

    def read(self, path: str) -> bytes:
        if self.fault == "no read":
            raise TargetError("cannot read: the credentials do not allow it")
        return b"seqsave doctor" if self.fault == "cache" else super().read(path)

    def delete(self, path: str) -> None:
        if self.fault == "no delete":
            raise TargetError("cannot delete: the credentials do not allow it")
        super().delete(path)

    def about(self, path: str) -> Mapping[str, str]:
        then = datetime.now(timezone.utc) - timedelta(seconds=self.skew)
        kind = "binary/octet-stream" if self.fault == "type" else "image/png"
        return {"content type": kind, "date": format_datetime(then, usegmt=True)}


def strange(fault: str, skew: float = 0.0) -> _Strange:
    plain = targets.resolve("memory://doctor")
    target = _Strange.__new__(_Strange)
    target.__dict__.update(plain.__dict__)
    target.fault, target.skew = fault, skew
    return target


@pytest.mark.parametrize(
    ("fault", "name", "stated"),
    [
        ("ignores create", "create", "do not use `if_exists='error'` here"),
        ("no list", "list", "saving does not need this right"),
        ("no read", "read", "reading back does not"),
        ("cache", "replace", "probably from a cache in between"),
        ("no delete", "delete", "doctor's files stay in .seqsave"),
        ("type", "content type", "browsers may not show"),
    ],
)
def test_what_is_wrong_is_seen_alone(fault: str, name: str, stated: str) -> None:
    found = wrong(strange(fault))
    assert list(found) == [name]
    assert stated in found[name]


@pytest.mark.parametrize(
    ("skew", "stated"), [(600, "s ahead of"), (-600, "s behind"), (8, "s ahead of"), (-8, "s behind")]
)
def test_the_clock(skew: float, stated: str) -> None:
    (message,) = wrong(strange("", skew)).values()
    assert stated in message
    assert "set it" in message
    assert not wrong(strange("", 5))


def test_nothing_can_be_written(tmp_path: Path) -> None:
    assert statuses(strange("full"))["write"] == "failed"
    (tmp_path / "file").write_text("no folder")
    found = examine(targets.resolve(tmp_path / "file"))
    assert not found.ok
    assert [check.status for check in found.checks if check.name == "delete"] == ["skipped"]


@pytest.mark.parametrize(("skew", "stated"), [(20, "s ahead of"), (-20, "s behind"), (0, "")])
def test_the_clock_of_a_folder_on_another_machine(
    skew: float, stated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = targets.resolve(tmp_path)
    monkeypatch.setattr(type(target), "clock", lambda *_: time.time() - skew)
    found = wrong(target).get("clock", "")
    assert stated in found
    assert bool(found) is bool(stated)
    assert "requests are refused" not in found


class _Conditional(_Strange):
    """A store with conditions: changes are compared, or not, where it ignores them."""

    capabilities = dataclasses.replace(MemoryTarget.capabilities, create="conditional")

    def update(self, path: str, change: Any, **more: Any) -> Any:
        if self.fault == "no read":
            raise TargetError("cannot read: the credentials do not allow it")
        before = MemoryTarget.read(self, path)
        after = change(before)
        if self.fault != "ignores conditions" and MemoryTarget.read(self, path) != before:
            after = change(MemoryTarget.read(self, path))
        return self.publish(path, after, content_type=more["content_type"])


@pytest.mark.parametrize(
    ("fault", "stated"),
    [("", "none is lost"), ("ignores conditions", "ignores the condition"), ("no read", "the manifest needs it")],
)
def test_two_changes_at_one_moment(fault: str, stated: str) -> None:
    target = _Conditional.__new__(_Conditional)
    target.__dict__.update(targets.resolve("memory://doctor").__dict__)
    target.fault = fault
    (check,) = (one for one in examine(target).checks if one.name == "update")
    assert stated in check.message
    assert check.status == ("warning" if fault else "ok")


def test_the_versions_of_plugins_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "seqsave_fire-1.5.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: seqsave-fire\nVersion: 1.5\n", encoding="utf-8")
    (folder / "entry_points.txt").write_text("[seqsave]\nfire = fire_of_nowhere\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert installed_versions()["seqsave-fire"] == "1.5"


def test_versions_and_the_source_of_the_credentials_are_reported(place: Place) -> None:
    found = examine(targets.resolve(place.url, place.storage_options))
    assert found.versions["python"] == platform.python_version()
    assert {"seqsave", "fsspec", "s3fs", "numpy", "pillow"} <= found.versions.keys()
    expected = "storage options or a configured target" if place.kind == "s3" else None
    assert found.facts.get("credentials") == expected
    assert not [value for value in map(str, place.storage_options.values()) if value in str(found.versions)]

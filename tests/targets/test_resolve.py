"""The public functions: imports happen late, and one line adds any storage."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from seqsave import targets
from seqsave.errors import TargetError
from seqsave.targets import registry

IMPORTS = """
import sys
from seqsave import targets
def heavy():
    return sorted(set(sys.modules) & set("fsspec s3fs aiobotocore botocore obstore isal numpy platformdirs".split()))
assert heavy() == [], heavy()
target = targets.resolve(sys.argv[1])
target.check()
target.publish("a/f.png", b"1", content_type="image/png")
target.publish("a/g.png", b"1", content_type="image/png", create=True)
assert len(target.list("a")) == 2
assert heavy() == [], heavy()
targets.resolve("memory://x").publish("f.png", b"1", content_type="image/png")
assert set(heavy()) <= {"fsspec", "isal"}, heavy()  # fsspec looks for every compression there is
try:
    targets.resolve("nowhere://x")
except OSError:
    pass
assert "s3fs" not in sys.modules
"""


def test_nothing_heavy_is_imported_before_it_is_needed(tmp_path: Any) -> None:
    ended = subprocess.run([sys.executable, "-c", IMPORTS, str(tmp_path)], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_s3_is_resolved_without_asking_anybody() -> None:
    target = targets.resolve("s3://bucket/x", {"endpoint_url": "http://127.0.0.1:9", "key": "k", "secret": "s"})
    target.check(create=True)
    assert target.url_of("a b.png") == "s3://bucket/x/a b.png"


def test_a_storage_is_added_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from seqsave.targets.memory import MemoryTarget

    opened: list[tuple[str, Mapping[str, Any], int, str]] = []

    class Mine(MemoryTarget):
        @classmethod
        def open(cls, location: Any, options: Mapping[str, Any], *, connections: int, url: str) -> Mine:
            opened.append((location.rest, options, connections, url))
            return cls("mine", {}, url=url)

    monkeypatch.setattr(sys.modules[__name__], "Mine", Mine, raising=False)
    monkeypatch.setitem(registry.BUILTIN, "mine", f"{__name__}:Mine")
    target = targets.resolve("mine://x/y", {"a": 1}, connections=5)
    assert opened == [("x/y", {"a": 1}, 5, "mine://x/y")]
    target.publish("f", b"1", content_type="a/b")
    assert targets.resolve("memory://mine").read("f") == b"1"


@pytest.mark.parametrize("url", ["s3://me:very/secret@b/x", "nowhere://me:verysecret@b/x", "sftp://me:ver/ysecret@b/x"])
def test_no_secret_of_a_url_shows(url: str) -> None:
    with pytest.raises(OSError, match="://") as caught:
        targets.resolve(url)
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None or "secret" not in str(caught.value.__context__)


@pytest.mark.parametrize("scheme", ["ftp", "s3", "sftp", "hdfs", "nobody-knows-it"])
def test_one_slash_too_many_hides_no_password(scheme: str) -> None:
    with pytest.raises(TargetError) as caught:
        targets.resolve(f"{scheme}:///user:WORDWORD@host/x")
    assert "WORDWORD" not in str(caught.value)

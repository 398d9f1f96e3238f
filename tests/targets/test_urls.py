"""URLs and paths: what is understood, what is refused and how."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsave.errors import TargetError
from seqsave.targets.urls import bad_component, parse, split_file
from tests.support.needs import needs_package


@pytest.mark.parametrize(
    ("given", "scheme", "rest"),
    [
        ("s3://bucket", "s3", "bucket"),
        ("s3://bucket/", "s3", "bucket"),
        ("S3://bucket/a", "s3", "bucket/a"),
        ("s3://bucket/a b/[c] %20 #d +e ?f *g é", "s3", "bucket/a b/[c] %20 #d +e ?f *g é"),
        ("memory://", "memory", ""),
        ("memory:///a", "memory", "/a"),
        ("memory://me@home:x/a", "memory", "me@home:x/a"),
        ("Renders-2://shot010", "Renders-2", "shot010"),
        ("sftp://me:word@host:22/a", "sftp", "me:word@host:22/a"),
        ("https://host/a//b?x=1", "https", "host/a//b?x=1"),
        ("/tmp/a::b", "file", "/tmp/a::b"),
        ("renders/shot", "file", "renders/shot"),
        ("~/renders", "file", "~/renders"),
        ("file:///tmp/a%20b", "file", "/tmp/a%20b"),
        ("file:/tmp/a", "file", "/tmp/a"),
        ("local:///tmp/a", "file", "/tmp/a"),
        ("file://localhost/tmp/a", "file", "/tmp/a"),
        ("file://~/a", "file", "~/a"),
        ("file:shot/a", "file", "shot/a"),
        ("./s3:x", "file", "./s3:x"),
        ("../up", "file", "../up"),
        ("what?a=b", "file", "what?a=b"),
        (Path("a") / "b", "file", str(Path("a") / "b")),
        (PurePosixPath("/x/y"), "file", "/x/y"),
    ],
)
def test_understood(given: object, scheme: str, rest: str) -> None:
    location = parse(given, windows=False)
    assert (location.scheme, location.rest) == (scheme, rest)
    assert location.is_local == (scheme == "file")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("a\0b", "control character"),
        ("s3://bucket/a\nb", "control character"),
        ("s3://bucket/\x85", "control character"),
        ("  s3://bucket", "starts with spaces"),
        ("s3://b/x::y", "chains storages"),
        ("simplecache::s3://b/x", "chains storages"),
        ("zip://a.zip::s3://b", "chains storages"),
        ("file:///tmp/a::s3://b", "chains storages"),
        ("s3://b/../x", "'..'"),
        ("s3://b/x/..", "'..'"),
        ("s3://b/./x", "'..'"),
        ("memory://a//b", "empty part"),
        ("renders://../x", "'..'"),
        ("s3:/bucket/x", "write s3://"),
        (PurePosixPath("s3://bucket/x"), "write s3://"),
        ("memory:x", "write memory://"),
        ("C:\\renders", "Windows path"),
        ("c:/renders", "Windows path"),
        ("C:", "Windows path"),
        ("\\\\server\\share", "Windows path"),
        ("file://", "has no folder"),
        ("file://host/a", "another machine"),
        ("file://localhosts/a", "another machine"),
        ("x://shot", "two or more letters"),
        ("a ftp://host/x", "neither a path nor a URL"),
        ("s3://b/x?X-Amz-Signature=abcdef", "holds a secret"),
        ("gs://b/x?token=abcdef", "holds a secret"),
        ("sftp://me:pa/ss@host/x", "storage options"),
        ("s3://bucket/\udc80", "Unicode"),
        (3, "not int"),
        (None, "not NoneType"),
        (b"s3://b", "not bytes"),
    ],
)
def test_refused(given: object, says: str) -> None:
    with pytest.raises(TargetError, match=re.escape(says)) as caught:
        parse(given, windows=False)
    assert not caught.value.transient
    assert "\n" not in str(caught.value)


def test_a_mistyped_url_does_not_repeat_the_key_in_it() -> None:
    with pytest.raises(TargetError) as caught:
        parse("s3:/AKIAKEY:verysecret@bucket/x")
    assert "verysecret" not in str(caught.value)
    assert "AKIAKEY" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "rest"),
    [
        ("C:\\renders\\a", "C:\\renders\\a"),
        ("c:/renders", "c:/renders"),
        ("\\\\server\\share", "\\\\server\\share"),
        ("file:///C:/renders", "C:/renders"),
        ("renders\\a", "renders\\a"),
    ],
)
def test_windows_paths_on_windows(given: str, rest: str) -> None:
    location = parse(given, windows=True)
    assert location.is_local
    assert location.rest == rest


_ANCHORS = st.sampled_from(["", "C:\\", "c:/", "D:", "\\", "\\\\server\\share\\", "//server/share/", "\\\\?\\C:\\"])
_PARTS = st.lists(
    st.text("aZ9äß -_.,#%&()[]{}@!~", min_size=1, max_size=6).filter(lambda part: part.strip(" .~")), min_size=1
)


@given(_ANCHORS, _PARTS, st.sampled_from("/\\"))
def test_windows_paths_are_those_of_the_standard_library(anchor: str, parts: list[str], separator: str) -> None:
    path = PureWindowsPath(anchor + separator.join(parts))
    location = parse(path, windows=True)
    assert location.is_local
    assert PureWindowsPath(location.rest) == path
    folder, name = split_file(location, windows=True)
    assert (PureWindowsPath(folder.rest), name) == (path.parent, path.name)
    typed = parse(anchor + separator.join(parts), windows=True)
    assert PureWindowsPath(typed.rest) == path


def test_undecodable_bytes_may_stand_in_local_paths() -> None:
    assert parse("/tmp/\udc80").is_local


@pytest.mark.parametrize(
    ("given", "folder", "name"),
    [
        ("s3://bucket/a/f.png", "s3://bucket/a", "f.png"),
        ("s3://bucket/f.png", "s3://bucket", "f.png"),
        ("memory://f.png", "memory://", "f.png"),
        ("memory:///a@b.png", "memory://", "a@b.png"),
        ("renders://a/f 1.png", "renders://a", "f 1.png"),
        ("/tmp/f.png", "/tmp", "f.png"),
        ("/f.png", "/", "f.png"),
        ("f.png", ".", "f.png"),
        ("~/f.png", "~", "f.png"),
        ("/tmp/~", "/tmp", "~"),
        ("s3://bucket/~", "s3://bucket", "~"),
        ("https://host/a/f.png?x=/1", "https://host/a", "f.png?x=/1"),
    ],
)
def test_split_file(given: str, folder: str, name: str) -> None:
    found, last = split_file(parse(given, windows=False), windows=False)
    assert (found.url, last) == (folder, name)


@pytest.mark.parametrize("given", ["/tmp/", "/", "..", "a/.", "~", "~me", "memory://", "https://host"])
def test_split_file_of_a_folder(given: str) -> None:
    with pytest.raises(TargetError, match="one file"):
        split_file(parse(given, windows=False), windows=False)


def test_split_file_on_windows() -> None:
    assert split_file(parse("C:\\a\\f.png", windows=True), windows=True)[1] == "f.png"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sftp://me:word@host/a?b", "sftp://me@host/a?b"),
        ("s3://bucket/what?a=b", "s3://bucket/what?a=b"),
        ("memory://me@home/x", "memory://me@home/x"),
        ("https://u:p@host/x?a=b", "https://***@host/x?a=***"),
    ],
)
def test_shown(url: str, shown: str) -> None:
    assert parse(url).shown == shown


def test_universal_paths() -> None:
    upath = needs_package("upath").UPath
    location = parse(upath("s3://bucket/a b#c?d%20[e]", key="k", secret="s"))
    assert location.url == "s3://bucket/a b#c?d%20[e]"
    assert location.options == {"key": "k", "secret": "s"}
    assert "secret" not in repr(location)
    assert parse(upath("memory://a/b")).url == "memory:///a/b".replace("///", "//")
    assert parse(upath("/tmp/x")).url == "/tmp/x"
    assert parse(upath("file:///tmp/x y")).url == "/tmp/x y"


@given(st.text())
def test_any_text_is_understood_or_refused_clearly(text: str) -> None:
    try:
        location = parse(text, windows=False)
    except TargetError as error:
        lines = str(error).splitlines()
    else:
        lines = [location.shown]
        assert location.is_local or bad_component(location.rest.strip("/") or "x") is None or "http" in location.scheme
    assert len(lines) == 1


@pytest.mark.parametrize(
    "url",
    [
        "simplecache::ftp://user:WORDWORD@h/x",
        "filecache::s3://key:WORDWORD@b/x",
        "zip::https://user:WORDWORD@h/x",
        "cache::s3://b/x?X-Amz-Signature=WORDWORD",
        "simplecache::https://h/x?sig=WORDWORD",
        "user:WORDWORD@h/x::ftp://z",
        "a ftp://user:WORDWORD@h/x",
        "q://user:WORDWORD@h/x",
        "s3://user:WORDWORD@b/x::y",
        "file:///tmp/a::s3://k:WORDWORD@b",
        "file://user:WORDWORD@h/x",
    ],
)
def test_what_is_refused_does_not_show_its_secret(url: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse(url)
    assert "WORDWORD" not in str(caught.value)

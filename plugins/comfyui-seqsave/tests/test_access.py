"""What a graph may reach: every way around it that comes to mind, on POSIX; Windows by its own rules for paths."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from comfyui_seqsave import access, host, settings
from comfyui_seqsave.access import RefusedError, admit
from comfyui_seqsave.nodes import frames
from hypothesis import HealthCheck, assume, example, given
from hypothesis import settings as rules
from hypothesis import strategies as st
from PIL import Image
from tests.support.web import WebServer, set_names

import seqsave
from seqsave import SeqSaveError, TargetError
from seqsave.naming import NameRule

Configure = Callable[[str], None]
World = SimpleNamespace


@pytest.fixture
def world(folders: host.Folders, tmp_path: Path) -> World:
    """ComfyUI's folders, and files beside them that no graph may read."""
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "secret_00000.png").write_bytes(b"secret")
    return World(output=Path(folders.output), outside=outside, base=tmp_path)


def message_of(call: Callable[[], Any]) -> str:
    with pytest.raises(SeqSaveError) as caught:
        call()
    return str(caught.value)


# --- local folders ---


@pytest.mark.parametrize("text", ["", "  ", ".", "./"])
def test_empty_is_the_output_folder(world: World, text: str) -> None:
    assert admit(text).url == str(world.output)


def test_own_folders_and_what_is_below_them(folders: host.Folders) -> None:
    for _, folder in folders.kinds():
        assert admit(folder).url == folder
        assert admit(f"{folder}//a///b/").url == os.path.join(folder, "a", "b")
        assert admit(f"file://{folder}/a").url == os.path.join(folder, "a")
        assert admit(f"FILE:{folder}/a").url == os.path.join(folder, "a")
    assert admit("a b/c").url == os.path.join(folders.output, "a b", "c")
    assert admit("  a ").url == os.path.join(folders.output, "a")
    assert admit("a/~b").url == os.path.join(folders.output, "a", "~b")
    assert admit("%2e%2e/x").url == os.path.join(folders.output, "%2e%2e", "x"), "nothing is decoded"


@pytest.mark.parametrize(
    "text",
    [
        *("{outside}", "{outside}/", "/{outside}", "{base}", "/", "//", "/etc/passwd", "file://{outside}"),
        *("file:{outside}", "FILE://{outside}", "LOCAL://{outside}", "local:{outside}", "file://localhost{outside}"),
        *("{output}x", "{output}x/frames", "{output} /x", "{output}/../outside", "../outside", "a/../../outside", ".."),
        *("a\\..\\..\\outside", "..\\outside", "~", "~/x", "~root", "~root/x", "file://~/x"),
        *("file:///{output}/../outside", "{output}/..", "{OUTPUT}"),
        *("file://evil.example/share", "file://{output}::zip://x", "zip://*::file://{outside}/a.zip", "x::y://z"),
        *(
            "simplecache::file://{outside}",
            "\\\\evil\\share",
            "C:\\Windows",
            "C:/Windows",
            "/proc/self/cwd",
            "/dev/shm",
        ),
    ],
)
def test_other_folders_are_refused(world: World, text: str) -> None:
    text = text.format(output=world.output, outside=world.outside, base=world.base, OUTPUT=str(world.output).upper())
    with pytest.raises((RefusedError, TargetError)):
        admit(text)


def test_refusal_prints_the_line_that_helps(world: World, write_config: Configure) -> None:
    stated = message_of(lambda: admit(f'{world.outside}/a "b"'))
    line = stated[stated.index("[comfyui] ") :].replace("[comfyui] ", "[comfyui]\n")
    assert str(settings.where()) in stated
    write_config(line)
    assert admit(f'{world.outside}/a "b"/c').is_local
    with pytest.raises(RefusedError):
        admit(f"{world.outside}/a")


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "\x7f", "s3://b/\x00", "a\x85x", "x\ud800", "s3://b/\udcff"])
def test_characters_that_no_name_has(world: World, text: str) -> None:
    with pytest.raises(TargetError):
        admit(text)


@pytest.mark.parametrize("text", ["a/" * 1_000_000, "x" * 10_000, "s3://" + "b/" * 10_000, "~" * 5000])
def test_absurd_lengths(world: World, text: str) -> None:
    assert len(message_of(lambda: admit(text))) < 500
    assert len(message_of(lambda: admit("").check(text))) < 500
    with pytest.raises(SeqSaveError):
        access.read(text)


@pytest.mark.parametrize("what", [None, 7, ["s3://x"], b"x", Path("/etc")])
def test_what_is_no_text(world: World, what: Any) -> None:
    with pytest.raises(TargetError, match="must be text"):
        admit(what)


spellings = st.lists(
    st.sampled_from(
        [
            *("..", ".", "", "~", "a", "out", "/", "//", "\\", ":", "file:", "local:", "LOCAL://", "file://", "s3://"),
            *("://", "::", "%2e%2e", "%2F", " ", "link", "ok", "{output}", "{outside}", "{base}", "\u2024\u2024"),
            *("\uff0e\uff0e", "\uff0f", "\u2215", "renders", "C:", "@", "?", "#", "localhost", "\t"),
        ]
    ),
    max_size=8,
).map("".join)


@rules(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400, deadline=None)
@given(text=spellings | st.text(max_size=30))
@example("{output}/link/x")
@example("file://{output}/ok/link")
def test_no_spelling_leads_out(world: World, text: str) -> None:
    """Whatever is admitted really lies in the output folder, as the operating system sees it."""
    for path, goal in ((world.output / "link", world.outside), (world.output / "ok", world.output / "a")):
        if not path.is_symlink():
            path.symlink_to(goal)
    text = text.replace("{output}", str(world.output)).replace("{outside}", str(world.outside))
    text = text.replace("{base}", str(world.base))
    try:
        place = admit(text)
    except SeqSaveError:
        return
    assert place.is_local
    real = os.path.realpath(place.target.url)
    assert real == os.path.realpath(world.output) or real.startswith(os.path.realpath(world.output) + os.sep)
    assert not real.startswith(str(world.outside))


# --- links ---


def test_links_below_the_output_folder(world: World) -> None:
    (world.output / "link").symlink_to(world.outside)
    (world.output / "own").symlink_to(world.output / "real")
    (world.output / "lost").symlink_to(world.base / "nowhere")
    (world.output / "circle").symlink_to(world.output / "circle")
    assert admit("own/x").is_local
    for text in ("link", "link/deep", "link/not/there", "lost", "lost/x", f"{world.output}/link", "own/../link"):
        with pytest.raises(RefusedError):
            admit(text)
    assert admit("circle").is_local, "it leads nowhere, and so not out"


def test_refusal_does_not_reveal_where_links_lead(world: World) -> None:
    (world.base / "hidden name").mkdir()
    (world.base / "pointer").symlink_to(world.base / "hidden name")
    (world.output / "link").symlink_to(world.base / "hidden name")
    for text in (str(world.base / "pointer"), "link"):
        assert "hidden" not in message_of(lambda text=text: admit(text))
    assert "hidden" not in message_of(lambda: admit("").check("link"))
    there = message_of(lambda: admit(str(world.outside)))
    nowhere = message_of(lambda: admit(str(world.outside) + "x"))
    assert there.replace(str(world.outside), "") == nowhere.replace(str(world.outside) + "x", "")


def test_line_for_a_link_helps_too(world: World, write_config: Configure) -> None:
    (world.output / "link").symlink_to(world.outside)
    stated = message_of(lambda: admit("link"))
    assert "link leads out" in stated
    write_config(stated[stated.index("[comfyui] ") :].replace("[comfyui] ", "[comfyui]\n"))
    assert admit("link").is_local
    assert admit(str(world.outside)).is_local, "an entry means what it really is"


def test_output_folder_that_is_a_link(world: World, set_folders: Callable[[Path], host.Folders]) -> None:
    (world.base / "elsewhere" / "output").mkdir(parents=True)
    (world.base / "linked").symlink_to(world.base / "elsewhere")
    own = set_folders(world.base / "linked")
    assert admit("").url == own.output
    assert admit("shot").is_local
    assert admit(str(world.base / "elsewhere" / "output" / "shot")).is_local
    with pytest.raises(RefusedError):
        admit(str(world.base / "elsewhere"))


def test_links_where_frames_go(world: World) -> None:
    """Links that appear after the folder is admitted, or below it."""
    place = admit("shot")
    rule = NameRule("sub/frame")
    place.check_name(rule, 3)
    shot = world.output / "shot"
    uses = {"sub": 1, "sub/.seqsave": 1, "sub/batch_0002": 3, "sub/batch_0001/.seqsave": 3}
    for name, batches in uses.items():
        (shot / name).parent.mkdir(parents=True, exist_ok=True)
        (shot / name).symlink_to(world.outside)
        with pytest.raises(RefusedError):
            place.check_name(rule, batches)
        (shot / name).unlink()
        place.check_name(rule, batches)
    (world.output / "shot" / "sub" / "batch_0002").symlink_to(world.outside)
    place.check_name(rule, 1)


@pytest.mark.parametrize("folder", ["../..", "../../outside", "a/../../../outside", "/etc", "/"])
def test_folders_below_that_are_not_below(world: World, folder: str) -> None:
    with pytest.raises(RefusedError):
        admit("shot").check(folder)


def test_files_that_are_links(world: World) -> None:
    (world.output / "frame_00000.png").symlink_to(world.outside / "secret_00000.png")
    (world.output / "real_00000.png").write_bytes(b"mine")
    (world.output / "alias_00000.png").symlink_to("real_00000.png")
    assert access.read(f"{world.output}/alias_00000.png") == b"mine"
    assert access.read("real_00000.png") == b"mine"
    for call in (
        lambda: access.read(f"{world.output}/frame_00000.png"),
        lambda: admit("").read("frame_00000.png"),
        lambda: admit("").open("frame", ""),
        lambda: access.read(str(world.outside / "secret_00000.png")),
        lambda: admit("").read("../outside/secret_00000.png"),
        lambda: admit("").read(str(world.outside / "secret_00000.png")),
    ):
        with pytest.raises(RefusedError):
            call()
    assert admit("").open("alias", "").indices == (0,)


def test_linked_batch_folders_are_not_even_listed(world: World) -> None:
    """The names of what is outside would stand in the message that several sequences are there."""
    (world.outside / "other_00000.png").write_bytes(b"x")
    (world.output / "batch_0000").symlink_to(world.outside)
    assert "secret" not in message_of(lambda: admit("").open("", ""))
    with pytest.raises(RefusedError):
        admit("").open("frame", "")


def test_folder_that_is_called_like_a_pattern(world: World) -> None:
    (world.output / "in_####.png").mkdir()
    (world.output / "in_0001.png").write_bytes(b"beside the folder")
    (world.output / "in_####.png" / "frame_00007.png").write_bytes(b"x")
    assert admit("in_####.png").open("", "").indices == (7,)


# --- the allow list ---


def test_entries_allow_themselves_and_what_is_below(world: World, write_config: Configure) -> None:
    write_config(f'[comfyui]\nallow = ["{world.outside}/deep/", "s3://studio/shots", "https://host.example/public"]')
    for text in (f"{world.outside}/deep", f"{world.outside}/deep/a", f"{world.outside}//deep"):
        assert admit(text).is_local
    for text in (
        "s3://studio/shots",
        "S3://studio/shots/a/",
        "s3a://studio/shots/a b",
        "https://host.example/public/a",
    ):
        assert not admit(text).is_local
    for text in (
        *(f"{world.outside}", f"{world.outside}/deeper", f"{world.outside}/DEEP", f"{world.outside}/dee"),
        *("s3://studio", "s3://studio/shots2", "s3://studio/Shots", "s3://studio/", "s3://studi/o/shots", "s3://"),
        *("s3:///studio/shots", "s3://studio//shots", "s3://other/shots", "gs://studio/shots", "memory://studio/shots"),
        *("http://host.example/public", "https://host.example/public2", "https://host.example:8080/public"),
        *("https://host.example/public/../private", "https://host.example/public/./a", "https://host.example//public"),
        *("https://host.example/public/..;/a", "https://host.example/public/%2e%2e/a", "https://evil.example/public"),
        *("https://host.example\\@evil.example/public", "https://host.example@evil.example/public"),
        *("https://evil.example#@host.example/public", "https://evil.example?@host.example/public"),
        *("https:///host.example/public", "https://host.example/public\\..\\a", "sftp://host.example/public"),
        *("s3://studio/shots/../x", "s3://studio/shots/a::b", "s3://studio/shots::memory://x", "s3://k:s@studio/shots"),
        *("zip://x::s3://studio/shots", "dir://studio/shots", "reference://studio/shots", "generic://studio/shots"),
        *("s3://studio/shots?versionId=1", "s3://studio/shots#x", "s3:/studio/shots", "s3:studio/shots"),
        *("s3://studio\uff0fshots", "s3://studio/shots\uff0fa/..", "simplecache::s3://studio/shots", " s3 ://studio"),
    ):
        with pytest.raises((RefusedError, TargetError)):
            admit(text)


def test_slash_allows_every_folder(world: World, write_config: Configure) -> None:
    write_config('[comfyui]\nallow = ["/"]')
    assert admit(str(world.outside)).is_local
    (world.output / "link").symlink_to(world.outside)
    assert admit("link").is_local
    with pytest.raises(RefusedError):
        admit("s3://bucket")


def test_entry_without_bucket_allows_all_of_that_storage(world: World, write_config: Configure) -> None:
    write_config('[comfyui]\nallow = ["memory://"]')
    assert admit("memory://a/b").url == "memory://a/b"
    with pytest.raises(RefusedError):
        admit("s3://a/b")


@rules(max_examples=300, deadline=None)
@given(
    entry=st.lists(st.sampled_from(["a", "b", "aa", "A"]), min_size=1, max_size=3),
    path=st.lists(st.sampled_from(["a", "b", "aa", "A", "", ".", ".."]), min_size=1, max_size=4),
)
def test_entries_are_compared_part_by_part(entry: list[str], path: list[str]) -> None:
    """Against the rule in its plainest form."""
    from unittest import mock

    from seqsave.targets import urls

    known = settings.Settings(allow=(urls.parse("memory://" + "/".join(entry)),))
    while path and not path[-1]:
        path.pop()
    assume(path)
    with mock.patch.object(settings, "load", return_value=known):
        try:
            admit("memory://" + "/".join(path))
            admitted = True
        except SeqSaveError:
            admitted = False
    assert admitted == (path[: len(entry)] == entry and not {"", ".", ".."} & set(path))


# --- configured names ---


def test_configured_names(world: World, write_config: Configure) -> None:
    write_config('[targets.renders]\nurl = "s3://studio/x"\n[targets.disk]\nurl = "' + str(world.outside) + '"')
    assert not admit("renders://shot010/a").is_local
    place = admit("disk://deep")
    assert place.is_local
    assert place.target.url == str(world.outside / "deep")
    for text in (
        *("Renders://shot", "RENDERS://x", "disk2://x", "renders://../y", "renders://a/../../y", "disk://../output"),
        *("renders:///../y", "renders://a?b", "renders://a%2e", "renders://me@x", "renders://k:s@x", "disk://a\\..\\b"),
        *("renders://a::b", "renders::disk://x", "disk://~/x/..", "s3://studio/x", str(world.outside)),
        *("renders", f"{world.outside}/deep", "disk://./x", "disk://a//b"),
    ):
        with pytest.raises((RefusedError, TargetError)) if text != "renders" else _nothing():
            admit(text)
    assert admit("renders").url == str(world.output / "renders"), "without :// it is a folder"


def _nothing() -> Any:
    import contextlib

    return contextlib.nullcontext()


def test_links_below_a_configured_folder(world: World, write_config: Configure) -> None:
    write_config('[targets.disk]\nurl = "' + str(world.outside) + '"')
    (world.outside / "out").symlink_to(world.base)
    (world.outside / "in").symlink_to(world.outside / "deep")
    (world.outside / "deep" / "batch_0000").symlink_to(world.base)
    assert admit("disk://in").is_local
    with pytest.raises(RefusedError):
        admit("disk://out")
    with pytest.raises(RefusedError):
        admit("disk://").check("out")
    with pytest.raises(RefusedError):
        admit("disk://in").check_name(NameRule("frame"), 2)
    assert admit("disk://").read("secret_00000.png") == b"secret"


def test_configured_folder_that_is_a_link(world: World, write_config: Configure) -> None:
    (world.base / "alias").symlink_to(world.outside)
    write_config('[targets.disk]\nurl = "' + str(world.base / "alias") + '"')
    assert admit("disk://deep").is_local
    assert admit("disk://").read("secret_00000.png") == b"secret"


# --- URLs ---


@pytest.mark.parametrize(
    "text",
    [
        *(
            "s3://bucket/folder",
            "s3a://bucket",
            "S3://bucket",
            "memory://",
            "memory://x",
            "http://host/x",
            "https://h/x",
        ),
        *("gs://b/x", "az://c/x", "sftp://host/x", "zip://x", "dir://x", "reference://x", "data://x", "github://a/b"),
        *("generic://x", "cached://x", "ftp://host/x", "hdfs:///x", "jupyter://x", "smb://host/share"),
    ],
)
def test_storages_need_an_entry(world: World, text: str) -> None:
    stated = message_of(lambda: admit(text))
    with pytest.raises(RefusedError):
        admit(text)
    assert "allow = [" in stated


@pytest.mark.parametrize("text", ["nosuch://x", "rendersx://x", "file2://etc", "filе://etc", "x-y://z"])
def test_unknown_schemes(world: World, text: str) -> None:
    with pytest.raises(TargetError):
        admit(text)


@pytest.mark.parametrize(
    "text",
    [
        *("s3://KEY:SECRET@bucket/x", "https://me:SECRET@host/x", "https://host/x?token=SECRET", "s3:/KEY:SECRET@b/x"),
        *(
            "https://host/x#token=SECRET",
            "https://me:SECRET%2f@host/x",
            "ftp:///me:SECRET@host/x",
            "s3://b/x?key=SECRET",
        ),
        *("renders://KEY:SECRET@x", "nosuch://KEY:SECRET@x", "https://me:SECRET@host/\ud800", "s3://k:SE/CRET@b;x"),
        *("simplecache::s3://KEY:SECRET@b", "az://c/x;AccountKey=SECRET", "https://host/..?sig=SECRET"),
        *("file://me:SECRET@host/x", "https://me:SECRET@host/a\\b", "memory://me:SECRET@x"),
        *("ftp:///me:SE/SECRET@host/x", "sftp://me:SE/SECRET@host/x", "ftp:////me:SECRET/@host/x"),
    ],
)
def test_secrets_in_a_graph_are_not_repeated(world: World, text: str) -> None:
    assert "SECRET" not in message_of(lambda: admit(text))
    assert "SECRET" not in message_of(lambda: access.read(text + "/frame_00000.png"))


def test_characters_that_mean_something_in_a_url_are_refused_in_names_too(
    world: World, write_config: Configure
) -> None:
    write_config('[comfyui]\nallow = ["memory://x"]')
    place = admit("memory://x")
    place.check_name(NameRule("a/b c"), 2)
    for prefix in ("a?b/c", "a#b", "50%", "a;b"):
        with pytest.raises(RefusedError):
            place.check_name(NameRule(prefix), 1)
        with pytest.raises(RefusedError):
            place.read(f"{prefix}_00000.png")


def test_files_by_url(world: World, write_config: Configure) -> None:
    write_config('[comfyui]\nallow = ["memory://x"]\n[targets.mine]\nurl = "memory://x/y"')
    admit("memory://x").target.publish("y/a.png", b"1", content_type="image/png")
    assert access.read("memory://x/y/a.png") == b"1"
    assert access.read("mine://a.png") == b"1"
    for url in (
        "memory://z/a.png",
        "memory://x/../z/a.png",
        "memory://a.png",
        "a.png::memory://x/y",
        "mine://../a.png",
        "",
    ):
        with pytest.raises((RefusedError, TargetError)):
            access.read(url)


# --- Windows, by its own rules for paths ---


def test_windows_is_not_asked_to_sign_in_anywhere(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    r"""To look at ``\\server\share`` is to sign in there: it has to be refused before anything looks."""
    monkeypatch.setattr(access, "_WINDOWS", True)
    asks = access._asks_a_server
    own = ["C:\\ComfyUI\\output", "\\\\nas\\renders"]
    for path in (r"\\evil\share", r"\\evil\share\x", "//evil/share", r"\\nas\renders2\x", r"\\?\UNC\evil\share"):
        assert asks(path, own), path
    for path in (r"C:\Windows", r"\\nas\renders", r"\\NAS\Renders\shot", r"D:\x"):
        assert not asks(path, own), path


def test_windows_streams_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "_WINDOWS", True)
    for text in ("shot:stream", "C:\\ComfyUI\\output\\a:b", "a/b:$DATA"):
        with pytest.raises(RefusedError, match="part of a file"):
            access._admit_local(text)


# --- what changes between the check and the reading ---


@pytest.mark.skipif(os.name == "nt", reason="only on systems where anybody may make links")
def test_a_link_that_takes_the_place_of_a_checked_frame(world: World) -> None:
    seqsave.save(np.full((1, 4, 4, 3), 10, "uint8"), world.output / "shot", filetype="png")
    seqsave.save(np.full((1, 4, 4, 3), 200, "uint8"), world.outside, filetype="png")
    place = admit("shot")
    frame = place.open("frame", "png")[0]
    assert frame.read()[0, 0, 0] == 10
    path = world.output / "shot" / "frame_00000.png"
    path.unlink()
    path.symlink_to(world.outside / "frame_00000.png")
    for read in (frame.read, lambda: place.target.read(path.name), lambda: place.read(path.name)):
        with pytest.raises(SeqSaveError):
            read()


def test_a_path_that_may_not_be_looked_at_is_refused_like_one_that_is_absent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.path.realpath

    def guarded(path: Any, **more: Any) -> Any:
        if "guarded" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, **more)

    monkeypatch.setattr(os.path, "realpath", guarded)
    kinds = {
        name: message_of(lambda name=name: admit(str(world.base / name))) for name in ("guarded", "absent", "outside")
    }
    assert len({message.replace(name, "X") for name, message in kinds.items()}) == 1
    assert message_of(lambda: admit("guarded"))
    with pytest.raises(RefusedError):
        admit("shot").check("guarded")


def test_allowed_folders_that_may_not_be_looked_at_allow_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, write_config: Configure
) -> None:
    write_config(
        f'[comfyui]\nallow = ["{world.base}/guarded", "{world.outside}"]\n[targets.shots]\nurl = "{world.base}/guarded"'
    )
    real = os.path.realpath

    def guarded(path: Any, **more: Any) -> Any:
        if "guarded" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, **more)

    monkeypatch.setattr(os.path, "realpath", guarded)
    for text in (f"{world.base}/guarded", f"{world.base}/guarded/x", "shots://a"):
        with pytest.raises(RefusedError) as caught:
            admit(text)
        assert "Permission" not in str(caught.value)
    assert admit(str(world.outside)).is_local


# --- web servers and buckets: what answers for an allowed address leads to no other one ------------------------------


def test_requests_stay_within_the_entries(world: World, write_config: Configure) -> None:
    write_config(
        '[comfyui]\nallow = ["https://h/a", "https://h", "https://other/a", "s3://b"]\n'
        '[targets.web]\nurl = "http://renders.example/x"\n[targets.ram]\nurl = "memory://x"'
    )
    assert admit("https://h/a/b").within == ("https://h/a", "https://h")
    assert admit("web://deep").options == {"within": ["http://renders.example/x"]}
    assert admit("s3://b/x").within
    assert admit("ram://x").options == {}


@pytest.fixture
def web() -> Iterator[WebServer]:
    picture = io.BytesIO()
    Image.new("RGB", (6, 4)).save(picture, "PNG")
    with WebServer.running() as server:
        server.files["/shots/frame_00000.png"] = server.files["/key"] = picture.getvalue()
        yield server


@pytest.mark.parametrize("entry", ["allow", "target"])
def test_no_redirect_leads_away(web: WebServer, world: World, write_config: Configure, entry: str) -> None:
    place = f"{web.url}/shots" if entry == "allow" else "web:/"
    write_config(f'[comfyui]\nallow = ["{web.url}/shots"]\n[targets.web]\nurl = "{web.url}/shots"')
    web.redirects |= {"/shots/x.png": "/key", "/shots/y.png": "http://169.254.169.254/latest"}
    assert access.read(f"{place}/frame_00000.png")
    for name in ("x.png", "y.png"):
        with pytest.raises(TargetError) as caught:
            access.read(f"{place}/{name}")
        assert caught.value.fault == "outside"
        assert "169.254" not in str(caught.value)
    with pytest.raises(TargetError):
        frames.LoadFrames().load(f"{place}/y.png", "", -1, 0, 1, "error")
    assert not [asked for asked in web.asked if "key" in asked]


def test_an_entry_of_every_host_names_no_address_of_this_machine(
    web: WebServer, world: World, write_config: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_config('[comfyui]\nallow = ["http://"]')
    set_names(monkeypatch, {"renders.example": "127.0.0.1", "metadata.example": "169.254.169.254"})
    port = web.server_port
    for host_name in ("renders.example", "metadata.example", "127.0.0.1", "localhost", "0.0.0.0", "127.1"):  # noqa: S104
        with pytest.raises(TargetError) as caught:
            access.read(f"http://{host_name}:{port}/shots/frame_00000.png")
        assert caught.value.fault == "outside", host_name
    assert web.asked == []
    write_config(f'[comfyui]\nallow = ["http://", "http://localhost:{port}"]')
    assert access.read(f"http://localhost:{port}/shots/frame_00000.png")

"""Wrong calls: one clear error each, with what to do, and never a traceback."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from seqsave import save
from tests.cli.runner import seqsave
from tests.support.needs import needs_obstore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ZEROS = np.zeros((5, 4, 6, 3), "uint8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(ZEROS, tmp_path / "renders")
    save(ZEROS, tmp_path / "two", prefix="shot")
    save(ZEROS, tmp_path / "two", prefix="shot2")
    (tmp_path / "empty.png").touch()
    return tmp_path


def error(*arguments: object, status: int) -> str:
    result = seqsave(*arguments, status=status)
    (line,) = [line for line in result.err.splitlines() if line.startswith("seqsave: error: ")]
    assert result.out == ""
    return line.removeprefix("seqsave: error: ")


@pytest.mark.parametrize(
    ("call", "status", "message"),
    [
        # Names that match nothing.
        ("verify {0}/rendrs", 1, "{0}/rendrs does not exist (did you mean 'renders'?)"),
        ("verify {0}/renders/frme_####.png", 1, "but 1 sequence: frame_#####.png 0-4"),
        ("preview {0}/rendrs/frame_####.png", 1, "{0}/rendrs does not exist (did you mean 'renders'?)"),
        ("info {0}/renders/frame_00001.pn", 1, "does not exist (did you mean 'frame_00001.png'?)"),
        (
            "rm {0}/renders --prefix fram --yes",
            1,
            "no sequence fram_####.* in {0}/renders, but 1 sequence: frame_#####",
        ),
        ("rm {0}/two --prefix sho --yes", 1, "no sequence sho_####.* in"),
        ("rm {0} --yes", 1, "no sequence in {0}, but folders: renders, two"),
        ("manifest {0}/nothing", 1, "{0}/nothing does not exist"),
        # A file in place of a folder.
        *(
            (f"{command} {{0}}/renders/frame_00001.png{more}", 1, "frame_00001.png is a file, not a folder: give the")
            for command, more in (
                *(("ls", ""), ("verify", ""), ("manifest", ""), ("preview", ""), ("page", ""), ("proxies", "")),
                *(("mv", " {0}/o"), ("rm", " --yes"), ("sheet", " {0}/o.png")),
            )
        ),
        # Options without their values.
        ("save {0}/renders {0}/o --filetype", 2, "Option '--filetype' requires an argument."),
        # Patterns with two numbers.
        ("ls {0}/a.##.##.png", 2, "has two numbers"),
        ("save {0}/renders {0}/a.##.##.png", 2, "has two numbers"),
        ("rm {0}/a.%d.%d.png", 2, "has two numbers"),
        # A destination and a setting that contradict.
        ("save {0}/renders {0}/o/x.####.png --prefix y", 2, "contradicts --prefix 'y'"),
        ("save {0}/renders {0}/o/x.####.png --digits 7", 2, "contradicts --digits 7"),
        ("save {0}/renders {0}/o/x.####.exr --filetype jpg", 2, "contradicts --filetype 'jpg'"),
        ("mv {0}/renders {0}/o/x.####.exr", 2, "has another format than frame_#####.png"),
        # Frames that do not exist.
        ("save {0}/renders {0}/o --frames 3-9", 1, "there are no frames 5-9 in"),
        ("preview {0}/renders --frames 3-9", 1, "has no frames 5-9: there are 0-4"),
        ("rm {0}/renders --frames 3-9 --yes", 1, "has no frames 5-9: there are 0-4"),
        # Frames that exist, and sequences that are not the only one.
        ("mv {0}/two/shot_#####.png {0}/two/shot2_#####.png", 1, "5 files already exist there: shot2_00000.png, "),
        (
            "rm {0}/two --yes",
            1,
            "2 sequences in {0}/two: shot2_#####.png, shot_#####.png; choose one with --prefix and --filetype, or by "
            "its pattern, as {0}/two/shot2_#####.png",
        ),
        ("rm {0}/two/shot*.png --yes", 2, "is a glob"),
        # Words that are nearly right, or wrong.
        ("sav {0}/renders {0}/o", 2, "unknown command 'sav' (did you mean 'save'?)"),
        ("ls --recursiv {0}", 2, "no such option: --recursiv (did you mean '--recursive'?)"),
        ("flush --spool {0}", 2, "no such option: --spool"),
        ("save {0}/renders {0}/o --start x", 2, "'x' is not a valid integer"),
        ("save {0}/renders {0}/o --frames 5-1", 2, "'5-1' is not a list of frames"),
        ("save {0}/renders {0}/o --filetype pngg", 2, "unknown file type 'pngg' (did you mean 'png'?)"),
        ("save {0}/empty.png {0}/o", 1, "empty.png: the file is empty"),
        ("mv {0}/renders {0}/o.mp4", 2, "write a pattern, as {0}/o_#####.png, or {0}/o.mp4/"),
        ("mv {0}/renders/frame_00001.png {0}/o", 1, "is a file, not a folder"),
        ("manifest {0}/renders --rebuild --release", 2, "use one of them"),
        ("verify ''", 2, "the URL is empty"),
        ("verify nosuch://x", 2, "'nosuch' is neither a storage nor a configured target"),
        ("preview s3:/bucket/x", 2, "without '//' is not a URL: write s3://"),
    ],
)
def test_one_clear_error(folder: Path, call: str, status: int, message: str) -> None:
    before = sorted(folder.rglob("*"))
    arguments = [word.replace("{0}", str(folder)).replace("''", "") for word in call.split(" ")]
    assert message.replace("{0}", str(folder)) in error(*arguments, status=status)
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("endpoint", "advice"),
    [
        ("localhost:9000", "write 'https://localhost:9000', or http://"),
        ("http//localhost:9000", "write 'http://localhost:9000', or http://"),
        ("https:/host.example", "write 'https://host.example', or http://"),
        ("http:host.example", "write 'http://host.example', or http://"),
    ],
)
def test_an_endpoint_without_a_scheme(endpoint: str, advice: str) -> None:
    message = error("ls", "s3://bucket/x", "--storage-option", f"endpoint_url={endpoint}", status=2)
    assert "endpoint_url has no scheme" in message
    assert advice in message


@pytest.mark.parametrize(
    ("place", "client", "status"),
    [
        ("AWS_ENDPOINT_URL", "s3fs", 1),
        ("AWS_ENDPOINT_URL_S3", "s3fs", 1),
        ("AWS_ENDPOINT_URL", "obstore", 2),  # which finds it out while it is opened
        ("profile", "obstore", 2),
    ],
)
def test_an_endpoint_of_the_environment_without_a_scheme(
    place: str, client: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if client == "obstore":
        needs_obstore()
    if place == "profile":
        (tmp_path / "config").write_text("[default]\nendpoint_url = localhost:9000\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    else:
        monkeypatch.setenv(place, "localhost:9000")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    save(ZEROS, tmp_path / "renders")
    for command in (["ls"], ["verify"], ["save", "-q", str(tmp_path / "renders")]):
        found = error(*command, "s3://bucket/x", "--storage-option", f"client={client}", status=status)
        assert "the endpoint that the environment or the profile names is not the address of a store" in found
        assert "localhost:9000); write https://host or http://host:port there" in found


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(
        "[profile mfa]\nregion = us-east-1\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = base\n"
        "mfa_serial = arn:aws:iam::123456789012:mfa/me\n"
    )
    (tmp_path / "credentials").write_text("[base]\naws_access_key_id = AKIA\naws_secret_access_key = s3cr3t\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.mark.usefixtures("profiles")
@pytest.mark.parametrize(
    ("profile", "status", "message"),
    [("nothere", 2, "the profile is not in the credentials file"), ("mfa", 1, "needs a second factor (an MFA code)")],
)
def test_profiles(profile: str, status: int, message: str) -> None:
    for command in (("ls",), ("info",), ("verify",), ("rm", "--yes")):
        found = error(*command, "s3://bucket/x", "--storage-option", f"profile={profile}", status=status)
        assert message in found
        assert "Traceback" not in found
        assert "s3cr3t" not in found


def test_a_misspelt_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text('[target.renders]\nurl = "/x"\n')
    monkeypatch.setenv("SEQSAVE_CONFIG", str(tmp_path / "config.toml"))
    assert "unknown table [target] (did you mean 'targets'?)" in error("ls", "renders://x", status=2)


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        yield taken.getsockname()[1]


def test_an_unreachable_store_is_one_error_for_240_frames(tmp_path: Path, closed_port: int) -> None:
    save(np.zeros((240, 2, 2, 3), "uint8"), tmp_path / "renders")
    options = ["--storage-option=key=AKIA", "--storage-option=secret=s3cr3t", "--storage-option"]
    place = f"endpoint_url=http://127.0.0.1:{closed_port}"
    for command in (
        ("save", tmp_path / "renders", "s3://bucket/x", "--attempts", "1"),
        ("mv", tmp_path / "renders", "s3://bucket/x"),
    ):
        result = seqsave(*command, *options, place, status=1)
        assert result.err.count("cannot be reached") == 1
        assert len(result.err) < 600
    assert len(list((tmp_path / "renders").glob("*.png"))) == 240


@pytest.mark.parametrize(
    "call",
    [
        ["save", "renders", "out", "--filetype", "jpg"],
        ["save", "renders", "out", "--filetype", "jpg", "--keep-going"],
        ["save", "pillow", "out", "--filetype", "jpg"],
        ["save", "loop.gif", "out"],
        ["save", "tree", "out", "--recursive", "--filetype", "jpg"],
        ["preview", "renders"],
        ["verify", "renders", "--deep"],
    ],
)
def test_max_pixels_exists_where_its_advice_names_it(
    call: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    pictures = [Image.new("RGB", (6, 4), (40 * number, 0, 0)) for number in range(3)]
    (folder / "pillow").mkdir()
    for number, picture in enumerate(pictures):
        picture.save(folder / "pillow" / f"a_{number}.bmp")
    pictures[0].save("loop.gif", save_all=True, append_images=pictures[1:])
    save(ZEROS, folder / "tree" / "shot")
    refused = seqsave(*call, "--max-pixels", 23, status=None)
    assert refused.status in (1, 2)
    assert "--max-pixels 24" in refused.out + refused.err
    seqsave(*call, "--max-pixels", 24, *([] if call[0] != "save" else ["--if-exists", "overwrite"]))

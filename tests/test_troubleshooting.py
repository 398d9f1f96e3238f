"""Each heading of docs/troubleshooting.md is printed: its error is brought about, or its words are compared.

The error leads to its heading: the anchor in front of that ends its address.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest

import seqsave
from seqsave import errors
from seqsave.targets.faults import Fault

if TYPE_CHECKING:
    from tests.support.s3 import S3Server

PAGE = Path(__file__).parents[1] / "docs" / "troubleshooting.md"
PICTURE = np.zeros((9, 16, 3), np.uint8)

# Failures of storages that are brought about in tests/targets; here, their words.
FAULTS = {
    "the credentials have expired": Fault.EXPIRED,
    "the credentials do not allow it": Fault.DENIED,
    "seqsave does not create buckets": Fault.NO_CONTAINER,
    "is in another region or behind another endpoint": Fault.WRONG_PLACE,
    "the storage did not answer in time": Fault.TIMEOUT,
    "the store is throttling": Fault.THROTTLED,
    "this machine's clock differs too much from the store's": Fault.CLOCK,
    "the connection cannot be made secure": Fault.UNTRUSTED,
    "leads to another address": Fault.OUTSIDE,
    "the disk is full": Fault.FULL,
    "this user lacks the permission": Fault.NOT_PERMITTED,
}


def save(frames: Any = (PICTURE,), url: str = "renders", **settings: Any) -> seqsave.SaveResult:
    return seqsave.save(frames, url, **settings)


def save_again(**settings: Any) -> None:
    save()
    save(**settings)


def write_twice() -> None:
    with seqsave.open_writer("twice") as writer:
        writer.write(PICTURE, index=1)
        writer.write(PICTURE, index=1)


def write_after_the_end() -> None:
    with seqsave.open_writer("closed") as writer:
        writer.write(PICTURE)
    writer.write(PICTURE)


def read_an_empty_folder() -> None:
    Path("empty").mkdir()
    seqsave.open_sequence("empty")


def read_one_of_two() -> None:
    save(prefix="a")
    save(prefix="b")
    seqsave.open_sequence("renders")


def save_without_pyav() -> None:
    Path("clip.mp4").write_bytes(b"x")
    command("save", "clip.mp4", "out", env={"PYTHONPATH": _without("av")})


def _without(package: str) -> str:
    """Return a folder whose package cannot be imported, as if it were not installed."""
    folder = Path("without", package)
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(
        f"raise ModuleNotFoundError(\"No module named '{package}'\", name='{package}')\n"
    )
    return str(folder.parent.resolve())


def verify_a_gap() -> None:
    save([PICTURE] * 3, total=3)
    Path("renders/frame_00001.png").unlink()
    command("verify", "renders")


def read_a_cut_file() -> None:
    save([PICTURE] * 2, manifest=False)
    os.truncate("renders/frame_00001.png", 60)
    seqsave.open_frame("renders/frame_00001.png").read()


def list_a_spool() -> None:
    Path("spool").mkdir(mode=0o700)
    command("spool", "spool")


def save_a_bad_video() -> None:
    Path("clip.mp4").write_bytes(b"not a video")
    command("save", "clip.mp4", "out")


def read_a_damaged_manifest() -> None:
    save([PICTURE] * 2, total=2)
    (manifest,) = Path("renders/.seqsave").glob("*.json")
    manifest.write_text("{")
    _ = seqsave.open_sequence("renders").manifest


def fill_a_spool() -> None:
    Path("config").write_text("[spool]\nmax_bytes = 1\n")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SEQSAVE_CONFIG", str(Path("config").resolve()))
        save(spool="spool", publish_behind=True)


def keep_in_a_folder_of_others() -> None:
    Path("open").mkdir()
    Path("open").chmod(0o777)
    save(spool="open", publish_behind=True)


class Printed(Exception):  # noqa: N818 - not an error: the output of a command
    """What a command has printed."""


def command(*arguments: str, env: dict[str, str] | None = None) -> None:
    line = [sys.executable, "-m", "seqsave", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env={**os.environ, **(env or {})})
    raise Printed(done.stdout + done.stderr)


BROUGHT_ABOUT: dict[str, Callable[[], object]] = {
    "no credentials were found": lambda: save(url="s3://bucket/x"),
    "cannot be reached": lambda: save(
        url="s3://bucket/x",
        storage_options={"key": "k", "secret": "s", "endpoint_url": "http://127.0.0.1:9"},
        retry=seqsave.RetryPolicy(attempts=1),
    ),
    "is neither a storage nor a configured target": lambda: save(url="rendres://x"),
    "needs a package that is not installed": lambda: save(url="dropbox://host/x"),
    "accepted frames not saved": lambda: save_again(if_exists="error"),
    "already exists: use": lambda: save_again(if_exists="error"),
    "was already written by this writer": write_twice,
    "is after the end": lambda: save([PICTURE] * 2, total=1, at_end="raise error"),
    "this writer is closed": write_after_the_end,
    "which contradicts": lambda: seqsave.open_writer("x/shot.####.png", filetype="jpg"),
    "unknown setting": lambda: save(prefixx="a"),
    "has no option": lambda: save(filetype="jpg", options={"qualty": 1}),
    "an array of frames is T,H,W,C with time first": lambda: save(PICTURE),
    "one picture has the axes H,W or H,W,C": lambda: save([np.zeros((2, 9, 16, 3), np.uint8)]),
    "would lose bits in a format that accepts only": lambda: save([PICTURE.astype(np.uint16)], filetype="jpg"),
    "values outside 0..1 were clipped": lambda: save([np.full((9, 16, 3), 2, np.float32)]),
    "but the colour space of the values is unknown": lambda: save(convert_to="acescg"),
    "which JSON cannot hold": lambda: save(metadata={"x": object()}),
    "are not saved, since file type": lambda: save(filetype="jpg", metadata={"seed": 7, "steps": 8}),
    "unknown file type": lambda: save(filetype="xyz"),
    "needs PyAV": save_without_pyav,
    "no sequence": read_an_empty_folder,
    "choose one with": read_one_of_two,
    "unfinished": verify_a_gap,
    "is truncated": read_a_cut_file,
    "cannot be read as a video": save_a_bad_video,
    "the manifest is damaged": read_a_damaged_manifest,
    "is full: it holds": fill_a_spool,
    "so frames of other users would be published": keep_in_a_folder_of_others,
    "no task of the run has saved these frames": lambda: seqsave.open_run("run", total=3).commit([]),
    "frames waiting": list_a_spool,
}
ON_S3 = {
    "the store does not know this access key": {"key": "unknown"},
    "the store refuses the signature": {"secret": "wrong"},
}


def headings() -> list[str]:
    return re.findall(r"^### `(.+)`$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def anchors() -> dict[str, str]:
    """Return the anchor of each heading that has one, by heading."""
    found = re.findall(r"^<!-- anchor: (\S+) -->\n### `(.+)`$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {heading: anchor for anchor, heading in found}


def test_each_topic_of_an_error_is_the_anchor_of_one_heading() -> None:
    assert sorted(anchors().values()) == sorted(get_args(errors.Topic))


def test_each_heading_is_tested() -> None:
    assert sorted(headings()) == sorted([*FAULTS, *BROUGHT_ABOUT, *ON_S3])


@pytest.mark.parametrize("heading", FAULTS)
def test_a_heading_has_the_words_of_the_fault(heading: str) -> None:
    fault = FAULTS[heading]
    assert heading in f"{fault.value.what}; {fault.value.advice}"
    assert seqsave.TargetError("x", fault=fault.cause).topic == anchors()[heading]


@pytest.fixture
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.usefixtures("_nowhere")
@pytest.mark.parametrize("heading", BROUGHT_ABOUT)
def test_a_heading_is_printed(heading: str) -> None:
    with warnings.catch_warnings(), pytest.raises((seqsave.SeqSaveError, seqsave.SeqSaveWarning, Printed)) as raised:
        warnings.simplefilter("error")
        BROUGHT_ABOUT[heading]()
    assert heading in str(raised.value)
    leads_to(heading, raised.value)


def leads_to(heading: str, raised: Exception) -> None:
    """Assert that what was raised, or printed by a command, names the heading's address, and no other one."""
    if isinstance(raised, seqsave.SeqSaveWarning):
        return
    # A run that failed leads to the cause.
    anchor = "exists" if heading == "accepted frames not saved" else anchors().get(heading)
    found = raised.help_url if isinstance(raised, seqsave.SeqSaveError) else _printed_address(str(raised))
    assert found == (f"{errors.DOCS}troubleshooting.html#{anchor}" if anchor else "")


def _printed_address(output: str) -> str:
    found = re.findall(r"^Help: (.*)\n\Z", output, re.MULTILINE)
    return found[0] if found else ""


@pytest.mark.parametrize("heading", ON_S3)
def test_a_heading_is_the_answer_to_a_refusal(heading: str, s3_server: S3Server) -> None:
    options = {**s3_server.storage_options, **ON_S3[heading]}
    with pytest.raises(seqsave.SaveError) as raised:
        save(url=s3_server.new_prefix(), storage_options=options)
    assert heading in str(raised.value)
    leads_to(heading, raised.value)

"""What an import costs, and that every public name is there: each case in an interpreter of its own."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import seqsave
from seqsave import errors
from tests.stubs import stubs

HEAVY = [
    *("numpy", "PIL", "fsspec", "s3fs", "aiobotocore", "botocore", "aiohttp"),
    *("pluggy", "rich", "tenacity", "click", "isal", "deflate", "av", "torch"),
]

# One grey pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63680000008200"
    "8177cd72b60000000049454e44ae426082"
)

# The contract: what design says that a user, a plugin's author or a node may import from seqsave itself.
PUBLIC = {
    *("open_writer", "save", "SequenceWriter"),
    *("open_sequence", "find_sequences", "FrameSequence", "Frame"),
    *("filetypes", "describe_filetypes", "register_encoder", "unregister_encoder", "hookimpl"),
    *("EncoderSpec", "Option", "Encoder", "FrameInfo", "Encoded", "Decoded"),
    *("TargetSpec", "Traits", "register_target", "unregister_target"),
    *("ObserverSpec", "register_observer", "unregister_observer"),
    *("SavedFrame", "FailedFrame", "SaveResult", "Event"),
    *("check_settings", "WriterConfig"),
    *errors.__all__,
}


def loaded(code: str, folder: Path) -> set[str]:
    """The heavy packages that are loaded after ``code`` ran in a new interpreter."""
    report = f"import json, sys; print(json.dumps(sorted(set({HEAVY!r}) & set(sys.modules))), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_import_is_light(tmp_path: Path) -> None:
    assert loaded("import seqsave", tmp_path) == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["save", "--help"]])
def test_help_is_light(arguments: list[str], tmp_path: Path) -> None:
    code = f"""
import sys
sys.argv = ["seqsave", *{arguments!r}]
from seqsave.cli import main
try:
    status = main()
except SystemExit as error:
    status = error.code
if status:
    raise SystemExit(status)
"""
    assert loaded(code, tmp_path) <= {"click"}


# What neither a listing nor a look at a manifest needs. Each costs a noticeable part of the time in which they start.
UNNEEDED = {
    *("asyncio", "concurrent.futures", "logging", "email.utils", "hashlib", "secrets", "subprocess", "tempfile", "ssl"),
    *("seqsave.settings.config", "seqsave.settings.groups", "seqsave.settings.formats", "seqsave.cli.options"),
    *("seqsave.runtime.pipeline", "seqsave.targets.fsspec", "seqsave.targets.s3", "seqsave.cli.save"),
    *(
        f"seqsave.{room}"
        for room in ("existing", "pictures", "runs", "saving", "sources", "spool.store", "testing", "writer")
    ),
}


@pytest.mark.parametrize("call", [["ls"], ["ls", "--json"], ["verify"], ["info", "--help"]])
@pytest.mark.parametrize("has_manifest", [False, True])
def test_a_look_at_a_folder_loads_only_what_it_needs(call: list[str], has_manifest: bool, tmp_path: Path) -> None:
    if has_manifest:
        seqsave.save(np.zeros((2, 4, 6, 3), np.uint8), tmp_path)
    else:
        (tmp_path / "frame_00000.png").write_bytes(b"any")
    code = f"""
import sys
sys.argv = ["seqsave", *{call!r}, "."]
from seqsave.cli import main
try:
    main()
except SystemExit:
    found = {UNNEEDED!r} & set(sys.modules)
    raise SystemExit(str(found) if found else 0)
"""
    with_exit = f"try:\n    exec({code!r})\nexcept SystemExit as error:\n    assert not error.code, error.code"
    assert loaded(with_exit, tmp_path) <= {"click", "isal"}


def test_listing_dir_and_errors_stay_light(tmp_path: Path) -> None:
    assert loaded("import seqsave; dir(seqsave); seqsave.TargetError; seqsave.EncoderSpec", tmp_path) == set()


def test_saving_a_png_to_a_folder_loads_no_store_and_no_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQSAVE_LOAD_PLUGINS", "")  # as where none is installed: an observer has to be loaded
    code = """
import numpy, seqsave
seqsave.save(numpy.zeros((2, 4, 4, 3), "uint8"), "out")
"""
    unneeded = set(HEAVY) - {"numpy", "PIL", "fsspec", "isal", "deflate", "tenacity"}
    assert loaded(code, tmp_path) & unneeded == set()
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["frame_00000.png", "frame_00001.png"]


def test_a_local_copy_loads_no_event_loop_and_none_of_its_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQSAVE_LOAD_PLUGINS", "")
    (tmp_path / "in").mkdir()
    for number in (1, 2):
        (tmp_path / "in" / f"sim_{number}.png").write_bytes(PNG)
    code = """
import sys, filelock  # whose older versions import an event loop themselves
before = set(sys.modules)
import seqsave
seqsave.save(seqsave.open_sequence("in"), "out")
unneeded = ("asyncio", "mimetypes", "xml.sax", "http.client", "ssl")
print([name for name in unneeded if name in set(sys.modules) - before])
"""
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["sim_1.png", "sim_2.png"]


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_name_is_there(name: str) -> None:
    assert getattr(seqsave, name).__name__ == name if name != "hookimpl" else callable(seqsave.hookimpl)


def test_all_names_are_public_and_listed() -> None:
    assert set(seqsave.__all__) >= PUBLIC
    assert sorted(set(seqsave.__all__)) == sorted(seqsave.__all__), "a name stands twice"
    assert set(seqsave.__all__) <= set(dir(seqsave))
    assert [name for name in seqsave.__all__ if not hasattr(seqsave, name)] == []


def test_import_star(tmp_path: Path) -> None:
    loaded("from seqsave import *\nsave, open_sequence, SaveError, SequenceWriter", tmp_path)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = seqsave.no_such_name  # type: ignore[attr-defined]


def test_the_stubs_are_up_to_date() -> None:
    made = stubs()
    assert len(made) > 3
    assert sorted(made) == sorted(Path(seqsave.__file__).parent.rglob("*.pyi"))
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, "make them again: python -m tests.stubs"


@pytest.mark.parametrize("path", stubs(), ids=lambda path: path.parent.name)
def test_every_listed_name_is_there(path: Path) -> None:
    parts = path.relative_to(Path(seqsave.__file__).parents[1]).parent.parts
    package = importlib.import_module(".".join(parts))
    assert package.__all__ == sorted(set(package.__all__)) or package is seqsave
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is getattr(package, name)


def test_a_copy_by_the_command_loads_no_arrays_no_encoder_and_no_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQSAVE_LOAD_PLUGINS", "")
    (tmp_path / "in").mkdir()
    for number in (1, 2):
        (tmp_path / "in" / f"sim_{number}.png").write_bytes(PNG)
    unneeded = {"numpy", "PIL", "seqsave.spool", "seqsave.encoders.png.encoder"}
    code = f"""
import sys
sys.argv = ["seqsave", "save", "--quiet", "in", "out"]
from seqsave.cli import main
try:
    main()
except SystemExit as error:
    assert not error.code, error.code
found = {unneeded!r} & set(sys.modules)
assert not found, found
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["sim_1.png", "sim_2.png"]

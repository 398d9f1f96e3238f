"""The path of a sequence's manifest."""

from __future__ import annotations

import pytest

from seqsave import manifest, naming
from seqsave.manifest import Facts


@pytest.mark.parametrize(
    ("prefix", "path"), [("frame", ".seqsave/frame.png.json"), ("shots/a/frame", "shots/a/.seqsave/frame.png.json")]
)
def test_where_it_lies(prefix: str, path: str) -> None:
    folder, _, stem = prefix.rpartition("/")
    assert manifest.path_of(folder, naming.NameRule(stem).name) == path
    assert manifest.Facts(prefix=prefix, extension="png", filetype="png").path == path
    assert Facts(prefix=prefix, extension="png", filetype="png").path == path


def test_both_unicode_forms_have_one_manifest() -> None:
    composed, decomposed = "Pr\u00fcfung", "Pru\u0308fung"
    path = f".seqsave/{composed}.png.json"
    assert manifest.path_of("", naming.NameRule(composed).name) == path
    assert manifest.path_of("", naming.NameRule(decomposed).name) == path
    assert manifest.path_of(decomposed, naming.NameRule("a").name) == f"{decomposed}/.seqsave/a.png.json"


@pytest.mark.parametrize("name", ["frame_##.png", "shot.##.exr", "a@b_##.png", "left_##_v2.png", "##.png", "a@b##.jpg"])
def test_a_manifest_s_name_states_which_frames_it_is_about(name: str) -> None:
    parsed = naming.parse_pattern(name)
    assert parsed is not None
    file = manifest.path_of("", parsed[1]).rpartition("/")[2]
    assert (parsed[1].head, parsed[1].ending) in [(one.head, one.ending) for one in manifest.names_of(file)]


def test_other_files_are_about_no_frames() -> None:
    assert manifest.names_of("frame.png.json.lock") == manifest.names_of("frame.json") == []

"""Which names belong together."""

from __future__ import annotations

import unicodedata

import pytest

from seqsave import naming


def found(*names: str) -> dict[str, str]:
    """Pattern and frames of each sequence among these names."""
    groups = naming.group_names((name, None) for name in names).groups
    return {str(group.pattern): group.numbers for group in groups}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["sh010-v003-000123.jpg", "sh010-v003-000124.jpg"], {"sh010-v003-######.jpg": "123-124"}),
        (["sh010-v003-01.jpg", "sh020-v003-01.jpg"], {"sh###-v003-01.jpg": "10,20"}),
        (["cam1_01.png", "cam1_02.png", "cam2_01.png"], {"cam1_##.png": "1-2", "cam2_##.png": "1"}),
        (["a.1001_v2.exr", "a.1002_v2.exr"], {"a.####_v2.exr": "1001-1002"}),
        (["s1.1001_v2.exr", "s1.1002_v2.exr", "s2.1001_v3.exr", "s2.1002_v3.exr"],
         {"s1.####_v2.exr": "1001-1002", "s2.####_v3.exr": "1001-1002"}),
        (["render_-0004.png", "render_0000.png", "render_0001.png"], {"render_####.png": "-4,0-1"}),
        (["foo -020.png", "foo -019.png", "foo 0001.png"], {"foo ####.png": "-20--19,1"}),
        (["foo -020.png", "foo -019.png", "foo 1000.png"], {"foo ###.png": "-20--19,1000"}),
        (["shot-0001.png", "shot-0002.png"], {"shot-####.png": "1-2"}),
        (["f_0999.png", "f_1000.png", "f_12345.png"], {"f_####.png": "999-1000,12345"}),
        (["f_1.png", "f_02.png", "f_003.png", "f_004.png"], {"f_###.png": "1-4"}),
        (["img9.png", "img10.png"], {"img#.png": "9-10"}),
        (["f_1.PNG", "f_2.png", "f_3.Png"], {"f_#.png": "1-3"}),
        (["f_1.PNG", "f_2.PNG"], {"f_#.PNG": "1-2"}),
        (["ComfyUI_00001_.png", "ComfyUI_00002_.png"], {"ComfyUI_#####_.png": "1-2"}),
        (["img (1).png", "img (12).png"], {"img (#).png": "1,12"}),
        (["0001_L.png", "0001_R.png", "0002_L.png"], {"####_L.png": "1-2", "####_R.png": "1"}),
        (["._f_1.png", ".f_2.png", "f_3.png"], {"f_#.png": "3"}),
        (["\u24601.png", "1\u00b22.png", "\u0663.png"], {"\u2460#.png": "1", "1\u00b2#.png": "2"}),
        (["shot_v001.1001.exr", "shot_v002.1001.exr", "shot_v002.1002.exr"],
         {"shot_v001.####.exr": "1001", "shot_v002.####.exr": "1001-1002"}),
        (["shot_010.1001.exr", "shot_010.1002.exr", "shot_020.1001.exr", "shot_020.1002.exr"],
         {"shot_010.####.exr": "1001-1002", "shot_020.####.exr": "1001-1002"}),
        (["shot.1001.exr", "shot.1001.5.exr", "shot.1002.exr", "shot.1002.5.exr"],
         {"shot.####.exr": "1001-1002", "shot.####.5.exr": "1001-1002"}),
    ],
)  # fmt: skip
def test_sequences(names: list[str], expected: dict[str, str]) -> None:
    assert found(*names) == expected
    assert found(*reversed(names)) == expected


@pytest.mark.parametrize(
    "names",
    [
        ["shot.1001.25.exr", "shot.1001.75.exr", "shot.1002.25.exr"],
        [f"f_{n}.{part}.exr" for n in range(1, 10) for part in ("00", "50")],
        ["shot.1001.250.exr", "shot.1001.500.exr"],
        ["shot.1.0.exr", "shot.1.5.exr", "shot.2.0.exr"],
        ["shot.1.25.exr", "shot.1.5.exr", "shot.1.75.exr"],  # as Houdini's $FF writes them
        ["shot.0001.0000.exr", "shot.0001.3333.exr", "shot.0001.6667.exr"],
        ["7.33.png", "7.66.png"],
        ["shot.1001.20.exr", "shot.1001.80.exr"],
        ["shot.12.125.exr", "shot.12.5.exr", "shot.13.875.exr"],
    ],
)
def test_parts_of_frames_are_marked(names: list[str]) -> None:
    (group,) = naming.group_names((name, None) for name in names).groups
    assert group.has_subframes


@pytest.mark.parametrize(
    "names",
    [
        ["plate.2024.0001.exr", "plate.2024.0002.exr"],
        ["plate.2024.0250.exr", "plate.2024.0251.exr"],
        ["shot.v2.25.png", "shot.v2.50.png"],
        ["render.1080.001.png", "render.1080.003.png", "render.1080.005.png"],
        ["render.2.0.png", "render.2.1.png", "render.3.0.png"],
        ["render.2.0.png", "render.2.5.png", "render.2.10.png"],
        ["render.2.5.png", "render.2.25.png", "render.2.50.png"],
        ["take.2.10.png", "take.2.20.png", "take.2.30.png"],
        ["take.2.25.png", "take.2.50.png", "take.2.75.png", "take.2.100.png"],
        ["take.2.16.png", "take.2.17.png"],
        ["take.2.33.png", "take.2.34.png"],
        ["take.2.-25.png", "take.2.-50.png"],
        ["take_2_25.png", "take_2_50.png"],
        ["shot.1001.250.exr"],
    ],
)
def test_ordinary_names_after_a_number_are_frames(names: list[str]) -> None:
    assert not any(group.has_subframes for group in naming.group_names((name, None) for name in names).groups)


@pytest.mark.parametrize(
    ("names", "is_doubtful"),
    [
        (["shot.1001.25.exr"], True),
        (["7-100.5.png"], True),
        (["shot.1001.333.exr"], True),
        (["shot.1001.00.exr"], False),  # the first frame of a take
        (["shot.1001.14.exr"], False),
        (["shot.1001.0250.exr"], False),
        (["shot_v001.25.exr"], False),
        (["shot.1001.25_left.exr"], False),
        (["shot.1001.25.exr", "shot.1002.25.exr"], False),
    ],
)
def test_a_single_file_may_be_a_part_of_a_frame(names: list[str], is_doubtful: bool) -> None:
    (group,) = naming.group_names((name, None) for name in names).groups
    assert group.is_doubtful is is_doubtful
    assert not group.has_subframes


def test_both_unicode_forms_are_one_sequence() -> None:
    composed, parted = "é_1.png", unicodedata.normalize("NFD", "é_2.png")
    (group,) = naming.group_names([(composed, None), (parted, None)]).groups
    assert (str(group.pattern), group.numbers, group.has_two_forms) == ("é_#.png", "1-2", True)
    assert not naming.group_names([(composed, None)]).groups[0].has_two_forms
    assert not naming.group_names([(parted, None)]).groups[0].has_two_forms


def test_names_without_a_number_are_kept_apart() -> None:
    grouped = naming.group_names([("a.png", 1), ("f_1.png", 2), ("shot.0001", 3), ("f_" + "9" * 40 + ".png", 4)])
    assert [item for _, item in grouped.rest] == [1, 3, 4]


def test_many_names_cost_as_much_each_as_few() -> None:
    names = [f"cam{n % 300}_{n:06}.png" for n in range(30_000)]
    grouped = naming.group_names((name, None) for name in names)
    assert sum(len(group.members) for group in grouped.groups) == 30_000


@pytest.mark.parametrize(
    ("names", "known", "expected"),
    [
        (["shot_v1_0.png", "shot_v2_0.png"], [], {"shot_v#_0.png": "1-2"}),
        (["shot_v1_0.png", "shot_v2_0.png"], ["shot_v1_#.png", "shot_v2_#.png"],
         {"shot_v1_#.png": "0", "shot_v2_#.png": "0"}),
        (["shot_v1_0.png", "shot_v2_0.png", "shot_v3_0.png"], ["shot_v2_#.png"],
         {"shot_v#_0.png": "1,3", "shot_v2_#.png": "0"}),
        (["b.01_2k.png", "b.01_4k.png", "b.02_2k.PNG", "b.002_4k.png"], ["b.#_2k.png", "b.#_4k.png"],
         {"b.##_2k.png": "1-2", "b.###_4k.png": "1-2"}),
        (["b.1.25.png", "b.1.75.png", "b.2.25.png", "b.2.75.png"], ["b.#.25.png", "b.#.75.png"],
         {"b.#.25.png": "1-2", "b.#.75.png": "1-2"}),
        (["a1_-02.png", "a2_-02.png"], ["a1_#.png"], {"a1_##.png": "-2", "a2_##.png": "-2"}),
        (["a1_3.png"], ["a#_3.png", "a1_#.png"], {"a1_#.png": "3"}),
        (["u\u0308_v1_0.png", "\u00fc_v2_0.png"], ["\u00fc_v1_#.png", "u\u0308_v2_#.png"],
         {"\u00fc_v1_#.png": "0", "u\u0308_v2_#.png": "0"}),
    ],
)  # fmt: skip
def test_patterns_that_are_known_go_before_the_rule(
    names: list[str], known: list[str], expected: dict[str, str]
) -> None:
    patterns = [parsed[1] for parsed in map(naming.parse_pattern, known) if parsed is not None]
    groups = naming.group_names(((name, None) for name in names), patterns).groups
    assert {str(group.pattern): group.numbers for group in groups} == expected

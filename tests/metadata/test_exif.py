from __future__ import annotations

import io
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seqsave.metadata import exif

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=40)
NAME = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0:"), min_size=1, max_size=12)


@given(st.dictionaries(st.one_of(NAME, st.sampled_from(["prompt", "workflow"])), TEXT, max_size=12))
def test_what_is_packed_comes_back(texts: dict[str, str]) -> None:
    block, leftover = exif.pack(texts, None)
    assert leftover == {}
    assert exif.unpack(block) == texts
    assert exif.unpack(block.removeprefix(b"Exif\0\0")) == texts


def test_tags_are_the_ones_that_comfyui_reads() -> None:
    block, _ = exif.pack({"first": "1", "prompt": '{"p": 1}', "second": "2", "workflow": '{"w": 1}'}, None)
    foreign = Image.Exif()
    foreign.load(block)
    assert dict(foreign) == {
        0x0110: 'prompt:{"p": 1}',
        0x010F: 'workflow:{"w": 1}',
        0x010E: "first:1",
        0x010D: "second:2",
    }


def test_pillow_block_of_either_byte_order_is_read() -> None:
    foreign = Image.Exif()
    foreign[0x0110] = 'prompt:{"a": 1}'
    foreign[0x010F] = "Some Camera Maker"
    foreign[0x0131] = "Software: not ours"
    for endian in "<>":
        foreign.endian = endian
        assert exif.unpack(foreign.tobytes()) == {"prompt": '{"a": 1}'}


def test_a_short_value_stands_in_its_entry() -> None:
    block, _ = exif.pack({"a": "1"}, None)
    assert len(block) == 6 + 8 + 2 + 12 + 4
    assert exif.unpack(block) == {"a": "1"}


def test_workflow_comes_first_then_prompt_then_the_rest() -> None:
    texts = {"rest": "r" * 100, "prompt": "p" * 100, "workflow": "w" * 100}
    sizes = [
        len(exif.pack({name: texts[name] for name in names}, None)[0])
        for names in (["workflow"], ["workflow", "prompt"], list(texts))
    ]
    for limit, left in [
        (sizes[0] - 1, {"rest", "workflow"}),
        (sizes[0], {"rest", "prompt"}),
        (sizes[1], {"rest"}),
        (sizes[2], set()),
    ]:
        block, leftover = exif.pack(texts, limit)
        assert set(leftover) == left
        assert leftover == {name: texts[name] for name in left}
        assert len(block) <= limit
        assert set(exif.unpack(block)) == set(texts) - left


@given(st.dictionaries(NAME, TEXT, max_size=6), st.integers(0, 300))
def test_nothing_is_lost_at_any_limit(texts: dict[str, str], limit: int) -> None:
    block, leftover = exif.pack(texts, limit)
    assert len(block) <= limit
    assert exif.unpack(block) | leftover == texts
    assert not set(exif.unpack(block)) & set(leftover)


def test_a_full_jpeg_segment_is_written_by_pillow() -> None:
    text = json.dumps({"x": "y" * (exif.JPEG_LIMIT - 6 - 8 - 2 - 12 - 4 - len('workflow:{"x": ""}\0') - 1)})
    block, leftover = exif.pack({"workflow": text}, exif.JPEG_LIMIT)
    assert leftover == {}
    assert exif.JPEG_LIMIT - 1 <= len(block) <= exif.JPEG_LIMIT
    file = io.BytesIO()
    Image.new("RGB", (2, 2)).save(file, "JPEG", exif=block)
    assert Image.open(file).getexif()[0x010F] == "workflow:" + text


@pytest.mark.parametrize(
    "texts", [{"a:b": "1"}, {"": "1"}, {"a": "\0"}, {"a\0": "1"}, {"a": "\ud800"}, {"\ud800": "1"}]
)
def test_what_the_convention_cannot_hold_is_left_over(texts: dict[str, str]) -> None:
    assert exif.pack(texts, None) == (b"", texts)


def test_more_names_than_tags_are_left_over() -> None:
    texts = {f"key{number}": "text" for number in range(300)}
    block, leftover = exif.pack(texts, None)
    assert len(leftover) == 300 - 0x010E
    assert exif.unpack(block) | leftover == texts


def test_old_latin_1_values_are_read() -> None:
    block, _ = exif.pack({"title": "XX-"}, None)
    assert exif.unpack(block.replace(b"XX", b"\xe4\xf6")) == {"title": "äö-"}


@given(st.binary(max_size=80), st.sampled_from([b"", b"Exif\0\0", b"II*\0", b"MM\0*", b"II*\0\x08\0\0\0"]))
def test_damaged_blocks_never_raise(data: bytes, start: bytes) -> None:
    exif.unpack(start + data)


def test_a_huge_count_costs_nothing() -> None:
    assert exif.unpack(struct.pack("<2sHIH", b"II", 42, 8, 65535)) == {}


def test_density_stands_beside_texts_and_counts_against_the_limit() -> None:
    whole, leftover = exif.pack({"workflow": "w" * 100}, dpi=299.5)
    assert not leftover
    tags = Image.Exif()
    tags.load(whole)
    assert (tags[0x011A], tags[0x011B], tags[0x0128]) == (299.5, 299.5, 2)
    assert exif.unpack(whole) == {"workflow": "w" * 100}
    assert exif.pack({"workflow": "w" * 100}, len(whole), dpi=299.5) == (whole, {})
    assert exif.pack({"workflow": "w" * 100}, len(whole) - 1, dpi=299.5)[1] == {"workflow": "w" * 100}
    assert exif.pack({}, dpi=72)[0].startswith(b"Exif\0\0II*\0")


def test_a_bomb_of_values_that_overlap_is_bounded() -> None:
    count = 200
    offset = 8 + 2 + 12 * count + 4
    body = b"".join(b"%07d:" % number for number in range(60_000)) + b"\0"
    # Each value begins at another number, and has nearly half a megabyte of its own.
    entries = b"".join(struct.pack("<HHII", 0x0110, 2, len(body) - 8 * i, offset + 8 * i) for i in range(count))
    bomb = b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entries + bytes(4) + body
    texts = exif.unpack(bomb)
    assert texts
    assert sum(map(len, texts.values())) <= len(bomb)


PARAMETERS = "a käse, 猫\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512"


def test_parameters_are_the_comment_that_galleries_read() -> None:
    """As the web UI writes it: UTF-16, big endian, in the Exif IFD; and nothing else moves for it."""
    texts = {"workflow": '{"w": 1}', "parameters": PARAMETERS, "shot": "010"}
    block, leftover = exif.pack(texts, dpi=300)
    assert leftover == {}
    foreign = Image.Exif()
    foreign.load(block)
    assert foreign.get_ifd(0x8769) == {0x9286: b"UNICODE\0" + PARAMETERS.encode("utf-16-be")}
    assert foreign[0x010F] == 'workflow:{"w": 1}'
    assert foreign[0x010E] == "shot:010"
    assert foreign[0x011A] == 300
    assert exif.unpack(block) == texts


@pytest.mark.parametrize(("endian", "codec"), [("<", "utf-16-be"), ("<", "utf-16-le"), (">", "utf-16-be")])
def test_parameters_of_other_programs_are_read(endian: str, codec: str) -> None:
    foreign = Image.Exif()
    foreign.endian = endian
    foreign[0x8769] = {0x9286: b"UNICODE\0" + PARAMETERS.encode(codec)}
    assert exif.unpack(foreign.tobytes()) == {"parameters": PARAMETERS}


@pytest.mark.parametrize("comment", [b"ASCII\0\0\0on holiday", b"UNICODE\0" + "Ferien".encode("utf-16-be"), b""])
def test_a_comment_of_a_camera_is_no_parameters(comment: bytes) -> None:
    foreign = Image.Exif()
    foreign[0x8769] = {0x9286: comment}
    assert exif.unpack(foreign.tobytes()) == {}


def test_parameters_that_the_comment_cannot_hold_are_named() -> None:
    for text in (PARAMETERS + "\0", PARAMETERS + "\ud800"):
        assert exif.pack({"parameters": text}) == (b"", {"parameters": text})
    assert exif.unpack(exif.pack({"parameters": "of no sampler"})[0]) == {"parameters": "of no sampler"}


@given(st.integers(0, 700))
def test_parameters_are_stored_first(limit: int) -> None:
    texts = {"workflow": "w" * 200, "parameters": PARAMETERS}
    block, leftover = exif.pack(texts, limit)
    assert len(block) <= limit
    assert exif.unpack(block) | leftover == texts
    assert "parameters" not in leftover or limit < len(exif.pack({"parameters": PARAMETERS})[0])


@given(st.data())
def test_a_damaged_block_with_parameters_raises_nothing(data: st.DataObject) -> None:
    block = bytearray(exif.pack({"parameters": PARAMETERS, "a": "b"})[0])
    for _ in range(data.draw(st.integers(1, 4))):
        block[data.draw(st.integers(6, len(block) - 1))] = data.draw(st.integers(0, 255))
    exif.unpack(bytes(block[: data.draw(st.integers(0, len(block)))]))


def camera(order: str = "<") -> Image.Exif:
    foreign = Image.Exif()
    foreign.endian = order
    foreign[0x010F], foreign[0x0110], foreign[0x0112], foreign[0x0132] = "Maker", "M1", 6, "2020:01:02 03:04:05"
    foreign[0x8769] = {0x9003: "2020:01:02 03:04:05", 0x829A: 0.5, 0xA002: 100, 0x9286: b"ASCII\0\0\0a note"}
    foreign[0x8825] = {1: "N", 2: (47.0, 6.0, 0.0)}
    return foreign


@pytest.mark.parametrize("order", "<>")
def test_the_tags_of_a_camera_are_kept_beside_texts(order: str) -> None:
    kept = exif.kept(camera(order).tobytes())
    texts = {"workflow": "w", "prompt": "p", "shot": "010"}
    block, leftover = exif.pack(texts, camera=kept, texts={"UserComment": "a note"}, dpi=300)
    assert (leftover, exif.unpack(block)) == ({}, texts)
    found = Image.Exif()
    found.load(block)
    assert (found[0x010F], found[0x0110], found[0x0132]) == ("Maker", "M1", "2020:01:02 03:04:05")
    assert 0x0112 not in found  # pixels are upright
    assert found[0x011A] == 300
    assert found.get_ifd(0x8769)[0x829A] == 0.5
    assert found.get_ifd(0x8825) == {1: "N", 2: (47.0, 6.0, 0.0)}
    assert exif.facts_in(block).comment == "a note"
    # Again the same.
    assert exif.kept(block) == kept


def test_a_block_without_a_camera_keeps_nothing() -> None:
    plain = Image.Exif()
    plain[0x0112], plain[0x013B] = 6, "Ada"
    plain[0x8769] = {0xA001: 1, 0xA002: 100, 0x9000: b"0232"}
    assert exif.kept(plain.tobytes()) is None
    assert exif.kept(exif.pack({"workflow": "{}", "prompt": "{}"}, dpi=72)[0]) is None


def test_pixels_that_are_not_square_have_two_densities() -> None:
    for dpi, aspect in ((300.0, 2.0), (None, 0.5), (72.0, None)):
        facts = exif.facts_in(exif.pack({}, dpi=dpi, aspect=aspect)[0])
        assert (facts.dpi, facts.aspect) == (dpi, aspect)


def test_a_comment_beside_parameters_is_left_over() -> None:
    block, leftover = exif.pack({"parameters": PARAMETERS}, texts={"UserComment": "a note"})
    assert (exif.unpack(block), leftover) == ({"parameters": PARAMETERS}, {"UserComment": "a note"})


@given(st.integers(0, 900))
def test_nothing_of_a_camera_is_lost_at_any_limit(limit: int) -> None:
    kept = exif.kept(camera().tobytes())
    block, leftover = exif.pack({"workflow": "w" * 300}, max(limit, 6 + len(kept or b"")), camera=kept)
    assert exif.kept(block) == kept
    assert {**exif.unpack(block), **leftover} == {"workflow": "w" * 300}

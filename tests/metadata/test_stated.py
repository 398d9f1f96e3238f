"""What Exif, XMP and profiles state, read back as the writers of this package and of others write it."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seqsave.metadata import exif, icc, stated, xmp
from seqsave.pictures.color import COLOR_SPACES

TAGS = {
    "artist": "A & B",
    "copyright": "© <Studio>",
    "description": "x",
    "software": "s",
    "digital_source_type": "print",
}


def test_tags_of_a_packet_come_back() -> None:
    assert xmp.tags_in(xmp.packet(TAGS)) == TAGS
    assert stated.image_info(xmp_packet=xmp.packet(TAGS)).tags == TAGS


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), min_size=1, max_size=50))
def test_any_text_of_a_tag_comes_back(text: str) -> None:
    tags = xmp.check_tags({"copyright": text})

    assert xmp.tags_in(xmp.packet(tags)).get("copyright", "") == text.strip()


@pytest.mark.parametrize(
    "packet",
    [b"", b"<x", b"\xff\xfe", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', xmp.packet(TAGS)[:200], b"<a/>"],
)
def test_damaged_packets_state_nothing(packet: bytes) -> None:
    assert xmp.tags_in(packet) == {}


def test_properties_as_attributes() -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="Tool 3"/></rdf:RDF></x:xmpmeta>'
    )

    assert xmp.tags_in(packet) == {"software": "Tool 3"}


def pillow_exif(**values: object) -> bytes:
    block = Image.Exif()
    block[0x013B], block[0x8298], block[0x011A], block[0x011B], block[0x0128] = "Ann", "(c) Ann", 300, 300, 2
    block[0x8769] = {0xA001: 1, **{int(tag[1:], 16): value for tag, value in values.items()}}
    return block.tobytes()


def test_exif_of_another_writer() -> None:
    facts = exif.facts_in(pillow_exif(x9286=b"ASCII\0\0\0a note"))

    assert facts.tags == {"artist": "Ann", "copyright": "(c) Ann"}
    assert (facts.dpi, facts.is_srgb, facts.comment) == (300, True, "a note")
    info = stated.image_info(exif_block=pillow_exif(x9286=b"ASCII\0\0\0a note"))
    assert (info.color, info.dpi, info.texts) == (COLOR_SPACES["srgb"], 300, {"UserComment": "a note"})


@pytest.mark.parametrize("codec", ["utf-16-be", "utf-16-le"])
def test_generation_data_are_metadata(codec: str) -> None:
    text = "cat\nNegative prompt: bad\nSteps: 20, Seed: 42"
    block = pillow_exif(x9286=b"UNICODE\0" + text.encode(codec))

    assert exif.unpack(block)["parameters"] == text
    assert stated.image_info(exif_block=block).texts == {}


def test_own_descriptions_come_back() -> None:
    tags = {name: text for name, text in TAGS.items() if name != "digital_source_type"}
    facts = exif.facts_in(exif.describe(tags, 299.5))

    assert (facts.tags, facts.dpi) == (tags, 299.5)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    for head in (b"", b"II*\0\x08\0\0\0", b"Exif\0\0MM\0*\0\0\0\x08"):
        exif.facts_in(head + data)
        exif.unpack(head + data)
    icc.describe(data)
    assert icc.space_of(data) is None


def test_profiles_are_recognized_and_named() -> None:
    for space in COLOR_SPACES.values():
        for grey in (False, True):
            made = icc.profile(space, grey=grey)
            if made is not None:
                assert icc.space_of(made) == space
                assert icc.describe(made) == space.name
                assert stated.image_info(profile=made).icc is None


def test_a_foreign_profile_is_kept() -> None:
    from PIL import ImageCms

    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    info = stated.image_info(profile=data)

    assert (info.icc, info.color) == (data, None)
    assert "sRGB" in icc.describe(data)


def test_numbers_of_h273() -> None:
    assert stated.space_of_cicp(12, 13) == COLOR_SPACES["display-p3"]
    assert stated.space_of_cicp(5, 6) is None


def test_pillow_reads_the_same_tags() -> None:
    data = io.BytesIO()
    Image.new("RGB", (2, 2)).save(data, "JPEG", exif=pillow_exif())
    with Image.open(data) as picture:
        assert picture.getexif()[0x013B] == exif.facts_in(picture.info["exif"]).tags["artist"]

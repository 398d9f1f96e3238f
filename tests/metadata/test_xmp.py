"""The XMP packet, read by an independent parser, and the statements that it may contain."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsave.errors import MetadataError
from seqsave.metadata.xmp import SOURCE_TYPES, check_tags, descriptions_in, others_in, packet, tags_in

NAMES = {
    "artist": "{http://purl.org/dc/elements/1.1/}creator",
    "copyright": "{http://purl.org/dc/elements/1.1/}rights",
    "description": "{http://purl.org/dc/elements/1.1/}description",
    "software": "{http://ns.adobe.com/xap/1.0/}CreatorTool",
}
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn")), min_size=1, max_size=40)


def parsed(tags: dict[str, str]) -> ElementTree.Element:
    return ElementTree.fromstring(packet(check_tags(tags)))  # noqa: S314 - it is our own


@given(st.dictionaries(st.sampled_from(sorted(NAMES)), TEXT, min_size=1))
def test_every_text_comes_back(tags: dict[str, str]) -> None:
    root = parsed(tags)
    found = {name: "".join(root.find(f".//{element}").itertext()) for name, element in NAMES.items() if name in tags}  # type: ignore[union-attr]
    assert found == tags


@pytest.mark.parametrize("term", SOURCE_TYPES)
def test_a_source_type_is_a_term_of_iptc(term: str) -> None:
    root = parsed({"digital_source_type": term})
    element = root.find(".//{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
    assert element is not None
    assert element.text == f"http://cv.iptc.org/newscodes/digitalsourcetype/{term}"


def test_no_statement_writes_nothing() -> None:
    assert packet(check_tags(None)) == packet(check_tags({"artist": ""})) == b""


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"author": "x"}, "'author' is not known: the tags are artist,"),
        ({"artist": 3}, "artist is int"),
        ({"artist": "x" * 2001}, "at most 2000"),
        ({"artist": "a\0b"}, "control characters"),
        ({"artist": "\ud800"}, "control characters"),
        ({"digital_source_type": "ai"}, "one of IPTC's terms, trainedAlgorithmicMedia"),
        ("ai", "must map"),
    ],
)
def test_statements_that_the_format_lacks_are_refused(tags: Any, message: str) -> None:
    with pytest.raises(MetadataError, match=message):
        check_tags(tags)


FOREIGN = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Other">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
    xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" tiff:Orientation="6" xmpRights:Marked="True">
   <dc:creator><rdf:Seq><rdf:li>Ada</rdf:li><rdf:li>Bob</rdf:li></rdf:Seq></dc:creator>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">T\xc3\xa9e &amp; co</rdf:li></rdf:Alt></dc:title>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


def test_other_properties_are_kept_without_the_orientation() -> None:
    kept = others_in(FOREIGN)
    assert kept is not None
    assert b"Orientation" not in kept
    assert "Tée &amp; co".encode() in kept
    assert others_in(kept) == kept
    tags = tags_in(kept)
    assert tags == {"artist": "Ada; Bob"}
    assert packet(tags, kept) == kept


def test_tags_go_before_those_of_a_source() -> None:
    kept = others_in(FOREIGN)
    changed = packet({"artist": "Eve", "copyright": "© <X>"}, kept)
    assert tags_in(changed) == {"artist": "Eve", "copyright": "© <X>"}
    assert "Tée &amp; co".encode() in changed
    assert b'Marked="True"' in changed
    bare = packet({}, kept)
    assert (tags_in(bare), b"Marked" in bare) == ({}, True)


def test_a_description_that_is_too_long_for_a_tag_is_kept() -> None:
    long = "y" * 3000
    source = packet({"artist": "A", "description": "short"}).replace(b"short", long.encode())
    kept = others_in(source)
    assert kept is not None
    assert tags_in(kept) == {"artist": "A"}
    assert descriptions_in(kept) == [long]
    changed = packet({"artist": "B"}, kept)
    assert (tags_in(changed), descriptions_in(changed)) == ({"artist": "B"}, [long])
    replaced = packet({"description": "other"}, kept)
    assert (tags_in(replaced), descriptions_in(replaced)) == ({"description": "other"}, ["other"])


@given(st.dictionaries(st.sampled_from(sorted(NAMES)), TEXT, min_size=1))
def test_a_packet_of_ours_has_nothing_else(tags: dict[str, str]) -> None:
    assert others_in(packet(tags)) is None


def test_no_damaged_byte_is_more_than_a_missing_packet() -> None:
    sound = packet({"artist": "A", "copyright": "© B"}).replace(
        b"<rdf:Description ", b'<rdf:Description xmlns:q="q:" q:a="1" '
    )
    assert others_in(sound) is not None
    for place in range(len(sound)):
        for value in b'\0<>&"= \xff':
            damaged = sound[:place] + bytes([value]) + sound[place + 1 :]
            left = others_in(damaged)
            if left is not None:
                assert tags_in(packet({"artist": "C"}, left)) == {"artist": "C"}

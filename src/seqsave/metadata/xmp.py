"""Check the tags of a picture (artist, rights, description, digital source type); write and read them as XMP packets.

All supported file formats can hold such a packet. Sources: ISO 16684-1 (XMP), the IPTC Photo Metadata Standard 2023.2
for the digital source type, and its terms at https://cv.iptc.org/newscodes/digitalsourcetype/
"""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, Final

from seqsave.errors import MetadataError

if TYPE_CHECKING:
    from xml.etree import ElementTree

__all__ = ["SOURCE_TYPES", "TAGS", "check_tags", "packet", "tags_in"]

TAGS: Final = ("artist", "copyright", "description", "software", "digital_source_type")
"""The names of the tags."""

SOURCE_TYPES: Final = (
    *("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia", "compositeSynthetic"),
    *("algorithmicallyEnhanced", "dataDrivenMedia", "digitalCreation", "virtualRecording", "screenCapture"),
    *("digitalCapture", "computationalCapture", "humanEdits", "composite", "compositeCapture"),
    *("negativeFilm", "positiveFilm", "print"),
)
"""IPTC's terms; that of pictures made by a generative model is ``trainedAlgorithmicMedia``."""

_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_LONGEST = 2000
_NAMESPACES = (
    ("dc", "http://purl.org/dc/elements/1.1/"),
    ("xmp", "http://ns.adobe.com/xap/1.0/"),
    ("Iptc4xmpExt", "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"),
)
# "W5M0MpCehiHzreSzNTczkc9d" is the packet's mark, ISO 16684-1 section 7.3.2.
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_PROPERTIES = {
    "artist": "{http://purl.org/dc/elements/1.1/}creator",
    "copyright": "{http://purl.org/dc/elements/1.1/}rights",
    "description": "{http://purl.org/dc/elements/1.1/}description",
    "software": "{http://ns.adobe.com/xap/1.0/}CreatorTool",
    "digital_source_type": "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType",
}
_LARGEST = 1 << 24
_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'


def check_tags(tags: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the tags without those that are None or empty.

    Raises MetadataError for a name that is not in TAGS, for a value that is not text, has more than 2000 characters or
    contains control characters, and for a digital source type that is not one of IPTC's terms.
    """
    if tags is not None and not isinstance(tags, Mapping):
        raise MetadataError(f"tags are {tags!r}: they must map {', '.join(TAGS)} to text")
    return {name: _checked(name, value) for name, value in (tags or {}).items() if value not in (None, "")}


def packet(tags: Mapping[str, str]) -> bytes:
    """Return the XMP packet, in UTF-8, of tags that ``check_tags`` returned; ``b""`` for no tags."""
    if not tags:
        return b""
    spaces = " ".join(f'xmlns:{name}="{url}"' for name, url in _NAMESPACES)
    body = "".join(_element(name, escape(tags[name], quote=False)) for name in TAGS if name in tags)
    text = (
        f'{_HEAD}<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
        f'<rdf:Description rdf:about="" {spaces}>{body}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    )
    return text.encode()


def tags_in(data: bytes) -> dict[str, str]:
    """Return the tags in an XMP packet. A damaged packet, and one with a document type, has none.

    Values that ``check_tags`` refuses are left out.
    """
    from xml.etree import ElementTree  # here, as the parser is needed by readers only

    # A document type may define entities that expand without end; no XMP packet has one.
    if not data or len(data) > _LARGEST or b"<!DOCTYPE" in data:
        return {}
    try:
        root = ElementTree.fromstring(data.strip(b"\0 \n\r\t"))  # noqa: S314 - without a document type
    except (ElementTree.ParseError, ValueError):
        return {}
    found: dict[str, str] = {}
    for name in TAGS:
        text = _text_of(root, _PROPERTIES[name])
        if name == "digital_source_type":
            text = text.rpartition("/")[2]
        with contextlib.suppress(MetadataError):
            found |= check_tags({name: text})
    return found


def _text_of(root: ElementTree.Element, name: str) -> str:
    """Return the first value of a property, which is an element, the first of a list, or an attribute."""
    for element in root.iter(f"{{{_RDF}}}Description"):
        if name in element.attrib:
            return element.attrib[name]
    for element in root.iter(name):
        return "".join(next(element.iter(f"{{{_RDF}}}li"), element).itertext()).strip()
    return ""


def _checked(name: object, value: object) -> str:
    if name not in TAGS:
        raise MetadataError(f"tag {name!r} is not known: the tags are {', '.join(TAGS)}")
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise MetadataError(f"tag {name} is {type(value).__name__}: it must be text of at most {_LONGEST} characters")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Cn") and character not in "\t\n" for character in value):
        raise MetadataError(f"tag {name} is {value!r}: it must be text without control characters")
    if name == "digital_source_type" and value not in SOURCE_TYPES:
        raise MetadataError(f"tag {name} is {value!r}: it must be one of IPTC's terms, {', '.join(SOURCE_TYPES)}")
    return value


def _element(name: str, text: str) -> str:
    if name == "artist":
        return f"<dc:creator><rdf:Seq><rdf:li>{text}</rdf:li></rdf:Seq></dc:creator>"
    if name in ("copyright", "description"):
        tag = "rights" if name == "copyright" else "description"
        return f'<dc:{tag}><rdf:Alt><rdf:li xml:lang="x-default">{text}</rdf:li></rdf:Alt></dc:{tag}>'
    if name == "software":
        return f"<xmp:CreatorTool>{text}</xmp:CreatorTool>"
    return f"<Iptc4xmpExt:DigitalSourceType>{_TERMS}{text}</Iptc4xmpExt:DigitalSourceType>"

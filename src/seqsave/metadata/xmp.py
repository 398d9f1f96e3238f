"""Check the tags of a picture (artist, rights, description, digital source type); write and read them as XMP packets.

All supported file formats can hold such a packet. Sources: ISO 16684-1 (XMP), the IPTC Photo Metadata Standard 2023.2
for the digital source type, and its terms at https://cv.iptc.org/newscodes/digitalsourcetype/
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from seqsave.errors import MetadataError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from xml.etree import ElementTree

__all__ = ["SOURCE_TYPES", "TAGS", "check_tags", "descriptions_in", "others_in", "packet", "tags_in"]

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
# Properties that state the file's size and how it is stored, which are those of another file now.
_OF_STORAGE = frozenset(
    {
        "http://ns.adobe.com/tiff/1.0/": (
            *("Orientation", "ImageWidth", "ImageLength", "BitsPerSample", "Compression", "PhotometricInterpretation"),
            *("SamplesPerPixel", "PlanarConfiguration", "XResolution", "YResolution", "ResolutionUnit", "NativeDigest"),
        ),
        "http://ns.adobe.com/exif/1.0/": ("PixelXDimension", "PixelYDimension", "ColorSpace", "NativeDigest"),
        "http://ns.adobe.com/photoshop/1.0/": ("ICCProfile", "ColorMode"),
        "http://purl.org/dc/elements/1.1/": ("format",),
        # The tool kit that wrote the packet.
        "adobe:ns:meta/": ("xmptk",),
        _RDF: ("about",),
    }.items()
)
_USER_COMMENT = "{http://ns.adobe.com/exif/1.0/}UserComment"
_LARGEST = 1 << 24
_BLANK = b"\0 \n\r\t"
_ALWAYS = frozenset((f"{{{_RDF}}}about",))
_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'


def check_tags(tags: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the tags without those that are None or empty.

    Raises MetadataError for a name that is not in TAGS, for a value that is not text, has more than 2000 characters or
    contains control characters, and for a digital source type that is not one of IPTC's terms.
    """
    if tags is not None and not isinstance(tags, Mapping):
        raise MetadataError(f"tags are {tags!r}: they must map {', '.join(TAGS)} to text")
    return {name: _checked(name, value) for name, value in (tags or {}).items() if value not in (None, "")}


def packet(tags: Mapping[str, str], source: bytes | None = None) -> bytes:
    """Return the XMP packet, in UTF-8, of tags that ``check_tags`` returned; ``b""`` for no tags.

    source: a packet of other properties as well, from ``others_in``; its properties are kept, and ``tags`` go before
            those of the same meaning.
    """
    if source is not None:
        return source if tags_in(source) == tags else _replaced(source, tags)
    if not tags:
        return b""
    from html import escape  # here, as its table of entities is not needed otherwise

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
    root = _parsed(data)
    return {} if root is None else _tags_of(root)


def others_in(data: bytes) -> bytes | None:
    """Return a packet if it states more than the tags, without what it states of how its file is stored; else None.

    Values that are too long for a tag are more than the tags.
    """
    root = _parsed(data)
    if root is None:
        return None
    known, own = _names_of_storage(), set(_PROPERTIES.values())
    stated = {name for element in _descriptions(root) for name in (*element.attrib, *(child.tag for child in element))}
    texts = {name: _texts_of(root, name) for name in own & stated}
    is_more = any(len(found) > 1 for name, found in texts.items() if name != _PROPERTIES["artist"])
    if not (stated - known - own or is_more or _beyond_tags(root)):
        return None
    from xml.parsers.expat import ExpatError

    try:
        bare = _without(data, known)
    except (ExpatError, ValueError):  # this parser is stricter about names
        return None
    return bare if stated & known else data.strip(_BLANK)


def descriptions_in(data: bytes) -> list[str]:
    """Return the description and the user comment in an XMP packet, which may hold generation data."""
    root = _parsed(data)
    names = (_PROPERTIES["description"], _USER_COMMENT)
    return [] if root is None else [text for name in names for text in _texts_of(root, name)[:1]]


def _parsed(data: bytes) -> ElementTree.Element | None:
    from xml.etree import ElementTree  # here, as the parser is needed by readers only

    # A document type may define entities that expand without end; no XMP packet has one.
    if not data or len(data) > _LARGEST or b"<!DOCTYPE" in data:
        return None
    try:
        return ElementTree.fromstring(data.strip(_BLANK))  # noqa: S314 - without a document type
    except (ElementTree.ParseError, ValueError):
        return None


def _tags_of(root: ElementTree.Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in TAGS:
        # Several artists are one text; of several languages, the first one is the default.
        texts = _texts_of(root, _PROPERTIES[name])
        text = "; ".join(texts) if name == "artist" else texts[0] if texts else ""
        if name == "digital_source_type":
            text = text.rpartition("/")[2]
        with contextlib.suppress(MetadataError):
            found |= check_tags({name: text})
    return found


def _beyond_tags(root: ElementTree.Element) -> set[str]:
    """Return the properties of tags whose values ``check_tags`` refuses, such as a long description."""
    tags = _tags_of(root)
    return {own for name, own in _PROPERTIES.items() if name not in tags and any(_texts_of(root, own))}


def _descriptions(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """Yield the elements with properties of the picture, which are not those within a property."""
    for rdf in root.iter(f"{{{_RDF}}}RDF"):
        yield from rdf.findall(f"{{{_RDF}}}Description")


def _texts_of(root: ElementTree.Element, name: str) -> list[str]:
    """Return the values of a property, which is an element, a list in an element, or an attribute."""
    for element in _descriptions(root):
        if name in element.attrib:
            return [element.attrib[name]]
        for found in element.findall(name):
            parts = list(found.iter(f"{{{_RDF}}}li")) or [found]
            return ["".join(part.itertext()).strip() for part in parts]
    return []


def _names_of_storage() -> set[str]:
    return {f"{{{space}}}{name}" for space, names in _OF_STORAGE for name in names}


def _without(data: bytes, names: Collection[str]) -> bytes:
    """Return a packet without the properties of these names. The prefixes of its other names stay."""
    from xml.dom import minidom

    document = minidom.parseString(data.strip(_BLANK))  # noqa: S318 - without a document type
    for element in document.getElementsByTagNameNS(_RDF, "Description"):
        for attribute in [one for one in element.attributes.values() if _full_name(one) in set(names) - _ALWAYS]:
            element.removeAttributeNode(attribute)
        for child in [one for one in element.childNodes if _full_name(one) in names]:
            element.removeChild(child)
    body = "".join(node.toxml() for node in document.childNodes if node.nodeType == node.ELEMENT_NODE)
    return f'{_HEAD}{body}<?xpacket end="r"?>'.encode()


def _full_name(node: Any) -> str:
    return f"{{{node.namespaceURI}}}{node.localName}"


def _replaced(source: bytes, tags: Mapping[str, str]) -> bytes:
    """Return a packet with other tags. Values that are no tags stay, unless a tag takes their place."""
    root = _parsed(source)
    kept = set() if root is None else _beyond_tags(root) - {_PROPERTIES[name] for name in tags}
    bare = _without(source, set(_PROPERTIES.values()) - kept).decode()
    own = packet(tags).decode()
    start, end = own.find("<rdf:Description"), own.rfind("</rdf:RDF>")
    # The element for RDF may have another prefix in the packet of another program.
    where = re.search(r"</[^<>\s]*RDF\s*>|<[^<>\s]*RDF(?=[^<>]*/>)", bare)
    if start < 0 or where is None or not where[0].startswith("</"):
        return bare.encode() if start < 0 else own.encode()
    added = own[start:end].replace("<rdf:Description", f'<rdf:Description xmlns:rdf="{_RDF}"', 1)
    return (bare[: where.start()] + added + bare[where.start() :]).encode()


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

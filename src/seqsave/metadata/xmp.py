"""Check the tags of a picture (artist, rights, description, digital source type), and make an XMP packet of them.

All supported file formats can hold such a packet. Sources: ISO 16684-1 (XMP), the IPTC Photo Metadata Standard 2023.2
for the digital source type, and its terms at https://cv.iptc.org/newscodes/digitalsourcetype/
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from html import escape
from typing import Any, Final

from seqsave.errors import MetadataError

__all__ = ["SOURCE_TYPES", "TAGS", "check_tags", "packet"]

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
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    text = (
        f'{_HEAD}<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}">'
        f'<rdf:Description rdf:about="" {spaces}>{body}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    )
    return text.encode()


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

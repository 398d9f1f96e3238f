"""The pages of a listing as S3 sends them: their entries, and how to ask for the following page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqsave.targets.records import Entries, Entry

__all__ = ["entries_of", "next_page", "unquoted"]


def next_page(page: Mapping[str, Any], prefix: str) -> tuple[str, dict[str, str]] | None:
    """Return how to ask for the page after a truncated one: by the token, or as version 1 of this request did."""
    token = page.get("NextContinuationToken")
    if token:
        return "list_objects_v2", {"ContinuationToken": token}
    names = [item["Key"] for item in page.get("Contents", ())]
    names += [common["Prefix"] for common in page.get("CommonPrefixes", ())]
    marker = page.get("NextMarker") or max(names, default="")
    return ("list_objects", {"Marker": marker}) if marker > prefix else None


def entries_of(page: Mapping[str, Any], prefix: str) -> Entries:
    folders = [Entry(common["Prefix"][len(prefix) :].rstrip("/"), 0, True) for common in page.get("CommonPrefixes", ())]
    files = [
        Entry(item["Key"][len(prefix) :], item["Size"], False, version=unquoted(item.get("ETag")))
        for item in page.get("Contents", ())
    ]
    # The prefix itself may exist as an empty object: some tools represent folders that way.
    return [entry for entry in (*folders, *files) if entry.name]


def unquoted(etag: str | None) -> str | None:
    """Return an ETag without quotes, as in records."""
    return etag.strip('"') if etag else None

"""One spelling for each place, so that ``Target.identity`` returns the same for every spelling of a storage."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from seqsave.targets.redact import redact_url

__all__ = ["canonical_identity", "canonical_url"]

# Protocols under which fsspec knows the same driver.
_SAME = {"gcs": "gs", "abfs": "az", "abfss": "az", "s3a": "s3", "ssh": "sftp", "dav": "webdav", "local": "file"}
_PORTS = {"http": 80, "https": 443}
_URLS = ("endpoint", "endpoint_url", "account_url", "BlobEndpoint")
_NAMES = ("host", "account_host")


def canonical_url(url: str) -> str:
    """Return the usual spelling of a URL: lower case of scheme and host, no usual port, no slash or dot at the end."""
    parts = urlsplit(url)
    if not parts.scheme or not parts.hostname:
        return url
    try:
        port = parts.port
    except ValueError:
        return url
    host = parts.hostname.rstrip(".")
    host = f"[{host}]" if ":" in host else host
    scheme = parts.scheme.lower()
    address = host if port in (None, _PORTS.get(scheme)) else f"{host}:{port}"
    return urlunsplit((scheme, address, parts.path.rstrip("/"), parts.query, parts.fragment))


def canonical_identity(identity: Mapping[str, str]) -> dict[str, str]:
    """Return an identity in the usual spelling; the result of ``Target.identity`` is returned unchanged.

    The root of a local folder is resolved, so that a folder has one identity whatever links lead to it. An identity is
    stored and shown: signatures and passwords of a root that is a URL are hidden.
    """
    found = dict(identity)
    found["storage"] = _SAME.get(found.get("storage", ""), found.get("storage", ""))
    for name in _URLS:
        if name in found:
            found[name] = canonical_url(found[name])
    for name in _NAMES:
        if name in found:
            found[name] = found[name].lower().rstrip(".")
    if found["storage"] == "file" and found.get("root"):
        found["root"] = os.path.realpath(found["root"])
    elif "://" in found.get("root", ""):
        found["root"] = redact_url(found["root"])
    return found

"""``http://`` and ``https://`` through fsspec, with the option ``within`` for URLs from untrusted sources.

Names of files are those on the server's disk: ``my shot_1.png`` is requested as ``my%20shot_1.png``, and the links of a
listing are decoded. The URL of a folder may be typed in either form.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote, unquote

from seqsave.errors import TargetError
from seqsave.targets.base import Data
from seqsave.targets.failures import Scene
from seqsave.targets.fsspec import FsspecTarget
from seqsave.targets.peers import checked_within, client_within
from seqsave.targets.redact import redact_url, secrets_of
from seqsave.targets.urls import Location, unquoted

__all__ = ["HttpTarget"]

# A percent sign that begins no escape is an ordinary character.
_LONE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
# Characters with a meaning in URLs. "#" has none here: fragments are never sent.
_RESERVED = "%/:?@!$&'()*+,;=[]~"


class HttpTarget(FsspecTarget):
    """A folder on a web server."""

    takes_within: ClassVar[bool] = True
    _within: tuple[str, ...] = ()
    # The last part of the URL of a file that was named by it. Signatures hold for one spelling, with its query.
    _spelled: tuple[str, str] = ("", "")

    @classmethod
    def open(cls, location: Location, options: Mapping[str, Any], *, connections: int, url: str) -> HttpTarget:
        """Create a target for ``targets.resolve``; see ``Target.open``."""
        rest = {name: value for name, value in options.items() if name != "within"}
        target = super().open(location, rest, connections=connections, url=_sendable(url))
        assert isinstance(target, HttpTarget)  # noqa: S101 - the class that was called
        target._within = checked_within(options)  # noqa: SLF001 - as above
        target._root = _sendable(target._root)  # noqa: SLF001 - as above
        return target

    def path_of(self, name: str) -> str:
        """Return the path of a file; see ``Target.path_of``. A query is sent with each request for the file."""
        path = unquoted(name.partition("?")[0])
        self._spelled = (path, _sendable(name))
        return path

    def url_of(self, path: str) -> str:
        """Return the URL of a file; see ``Target.url_of``. Hides a query, which may be a signature."""
        known, spelled = self._spelled
        return redact_url(f"{self.url}/{spelled}") if path == known else f"{self.url}/{_quoted(self._checked(path))}"

    def check(self, *, create: bool = False) -> None:
        """Raise TargetError: a web server is only read."""
        raise self._read_only()

    def _ready(self, path: str, data: Data, content_type: str, create: bool) -> tuple[str, dict[str, Any]]:
        raise self._read_only()

    def _read_only(self) -> TargetError:
        scheme = self.url.partition("://")[0]
        return TargetError(
            f"cannot save to {self.url}: {scheme}:// is only read. Save to a folder or a bucket, or to a WebDAV server "
            "with webdav://",
            fault="unsupported",
        )

    def _full(self, path: str) -> str:
        known, spelled = self._spelled
        checked = self._checked(path)
        return f"{self._root.rstrip('/')}/{spelled if path == known else _quoted(checked)}"

    def _found(self, filesystem: Any, full: str) -> Iterator[Mapping[str, Any]]:
        names = set()
        for item in super()._found(filesystem, full):
            link = html.unescape(str(item["name"])).partition("#")[0].partition("?")[0].rstrip("/")
            name = unquote(link.rpartition("/")[2], errors="surrogateescape")
            is_parent = link == full.rstrip("/") or name in ("", ".", "..") or "/" in name
            if not is_parent and name not in names:
                names.add(name)
                yield {**item, "name": f"{full}/{name}"}

    def _scene(self, doing: str, path: str) -> Scene:
        scene = super()._scene(doing, path)
        if path != self._spelled[0]:
            return scene
        return replace(scene, secrets=(*scene.secrets, *secrets_of(f"{self.url}/{self._spelled[1]}")))

    def _distinguished(self) -> Mapping[str, Any]:
        return {"within": self._within}

    def _settle(self, filesystem: Any) -> None:
        if self._within:
            filesystem.get_client = client_within(filesystem.get_client, self._within)


def _quoted(path: str) -> str:
    """Return a path of names as the part of a URL."""
    return quote(path, errors="surrogateescape")


def _sendable(url: str) -> str:
    """Return a URL, or a part of one, as it is sent: what was typed with spaces is escaped, escapes are kept."""
    head, mark, rest = url.rpartition("://")
    host, slash, path = rest.partition("/") if mark else ("", "", rest)
    path = quote(_LONE_PERCENT.sub("%25", path), safe=_RESERVED, errors="surrogateescape")
    return f"{head}{mark}{host}{slash}{path}"

"""Test the abilities of a target, with advice on problems: rights, conditional writes, content type, clock.

The versions of the libraries and the source of the credentials are reported, so that machines can be compared.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from importlib import metadata
from typing import Literal

from seqsave import naming, targets
from seqsave.errors import SeqSaveError, TargetError
from seqsave.wording import counted

__all__ = ["Check", "Diagnosis", "examine", "installed_versions"]

Status = Literal["ok", "warning", "failed", "skipped"]

# S3 refuses signatures that are older, https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
REFUSED_SKEW = 15 * 60
# The least difference of clocks that is reported. Storages state whole seconds, and an answer takes time.
NOTICED_SKEW = 5
CONTENT_TYPE = "image/png"  # of the file that is tried: what frames have
# Whose versions change what is sent to a storage, or what is in the files; and engines, which must agree everywhere.
LIBRARIES = (
    *("seqsave", "fsspec", "s3fs", "aiobotocore", "botocore", "obstore", "gcsfs", "adlfs"),
    *("numpy", "pillow", "isal", "imagecodecs", "openexr", "tifffile"),
    *("seqsave-dask", "dask", "distributed", "seqsave-ray", "ray"),
)
_OF_RIGHTS = ("", "denied", "not_permitted")  # causes of a refused listing that need not concern who saves
_BESIDE = b"seqsave doctor, another machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check. ``message`` states the result, and what to do about a problem; ``help_url`` explains more."""

    name: str
    status: Status
    message: str
    help_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The result of ``examine``.

    facts:    the storage's own reports, such as its endpoint and region, and where the credentials come from.
    versions: of Python and the installed libraries, by name.
    """

    url: str
    checks: tuple[Check, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Return whether frames can be saved here."""
        return not any(check.status == "failed" for check in self.checks)


class _Stop(Exception):  # noqa: N818 - it is no error
    """The remaining checks cannot run."""


def examine(target: targets.Target) -> Diagnosis:
    """Write, replace, read and delete two small files in ``.seqsave`` below the target, and check the answers.

    Touches no other file, and names those that it cannot delete. Errors of the storage are results and not raised.
    """
    examination = _Examination(target)
    try:
        examination.run()
    except _Stop:
        examination.skip_rest()
    source = target.credentials()
    facts = {**examination.facts, **({} if source is None else {"credentials": source})}
    return Diagnosis(url=target.url, checks=tuple(examination.checks), facts=facts, versions=installed_versions())


def installed_versions() -> dict[str, str]:
    """Return the versions of Python, of those of ``LIBRARIES`` that are installed, and of plugins."""
    found = {"python": platform.python_version()}
    plugins = sorted({entry.dist.name for entry in metadata.entry_points(group="seqsave") if entry.dist is not None})
    for name in dict.fromkeys((*LIBRARIES, *plugins)):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _missing_folders(target: targets.Target) -> list[str]:
    """Return the folders of this machine that writing makes, the innermost first."""
    missing: list[str] = []
    if target.is_local:
        folder = f"{target.url}/{naming.PRIVATE_FOLDER}"
        while folder and not os.path.lexists(folder):
            missing.append(folder)
            folder = os.path.dirname(folder)  # noqa: PTH120 - as targets have their paths
    return missing


class _Examination:
    def __init__(self, target: targets.Target) -> None:
        self.target = target
        self.checks: list[Check] = []
        self.facts: dict[str, str] = {}
        self.asked = (0.0, 0.0)
        self.made = _missing_folders(target)
        name = f"doctor-{secrets.token_hex(6)}"
        self.path, self.other = (f"{naming.PRIVATE_FOLDER}/{name}{end}.txt" for end in ("", "-new"))
        self.steps: tuple[tuple[str, Callable[[], tuple[Status, str]]], ...] = (
            ("list", self.list),
            ("write", self.write),
            ("read", self.read),
            ("replace", self.replace),
            ("create", self.create),
            ("update", self.update),
            ("content type", self.content_type),
            ("clock", self.clock),
            ("delete", self.delete),
        )

    def run(self) -> None:
        for name, step in self.steps:
            help_url = ""
            try:
                status, message = step()
            except SeqSaveError as error:
                status, message, help_url = "failed", str(error), error.help_url
            self.checks.append(Check(name=name, status=status, message=message, help_url=help_url))
            if name == "write" and status == "failed":
                raise _Stop

    def skip_rest(self) -> None:
        done = {check.name for check in self.checks}
        for name, _ in self.steps:
            if name not in done:
                self.checks.append(Check(name=name, status="skipped", message="nothing could be written"))

    # --- the steps, in order ---

    def list(self) -> tuple[Status, str]:
        try:
            count = len(self.target.list())
        except TargetError as error:
            about = "; saving does not need this right, but ls, verify, resuming and reading do"
            return "warning", f"{error}{about if error.fault in _OF_RIGHTS else ''}"
        return "ok", f"{counted(count, 'entry', 'entries')}"

    def write(self) -> tuple[Status, str]:
        self.target.check()
        started = time.monotonic()
        published = self._publish(self.path, b"seqsave doctor")
        took = f"{1000 * (time.monotonic() - started):.0f} ms"
        if published.acknowledged:
            return "ok", f"{took}; the storage confirms the checksum of what arrived"
        if self.target.is_local:
            return "ok", took
        return "ok", f"{took}; the storage does not repeat the checksum of what arrived"

    def read(self) -> tuple[Status, str]:
        try:
            data = self.target.read(self.path)
        except TargetError as error:
            return "warning", f"{error}; saving works, reading back does not"
        return (
            ("ok", "what was written")
            if data == b"seqsave doctor"
            else ("failed", "the bytes differ from what was written")
        )

    def replace(self) -> tuple[Status, str]:
        self._publish(self.path, b"seqsave doctor, again")
        try:
            data = self.target.read(self.path)
        except TargetError:
            return "ok", "accepted; the new file cannot be read"
        if data == b"seqsave doctor, again":
            return "ok", "seen at once"
        return "warning", "the old bytes are still read, probably from a cache in between; find it before you resume"

    def create(self) -> tuple[Status, str]:
        """Test create=True with one file that exists and one that does not."""
        if self.target.capabilities.create == "none":
            return "warning", "this storage has no way to refuse a second file: `if_exists='error'` is not available"
        self._publish(self.other, b"new", create=True)
        if self.target.refuses_to_replace(self.path):
            return "ok", f"existing files are never replaced ({self.target.capabilities.create})"
        return (
            "failed",
            "the storage replaces files that it was asked not to replace: do not use `if_exists='error'` here",
        )

    def update(self) -> tuple[Status, str]:
        """Test a change of a file that another machine changes at the same moment, as of a manifest."""
        if type(self.target).update is targets.Target.update:
            return "warning", "this storage cannot compare: end runs of many machines on one machine at a time"
        if self.target.capabilities.create != "conditional":
            return "ok", "changes of a manifest take turns"
        seen: list[bytes | None] = []

        def change(current: bytes | None) -> bytes:
            seen.append(current)
            if len(seen) == 1:
                self._publish(self.path, _BESIDE)
            return (current or b"") + b"."

        try:
            self.target.update(self.path, change, content_type=CONTENT_TYPE)
            data = self.target.read(self.path)
        except TargetError as error:
            return "warning", f"{error}; the manifest needs it"
        if data == _BESIDE + b".":
            return "ok", "of two changes at one moment, none is lost"
        return (
            "warning",
            "the storage ignores the condition of a change: end runs of many machines on one machine at a time",
        )

    def content_type(self) -> tuple[Status, str]:
        before = time.time()
        self.facts = dict(self.target.about(self.path))
        self.asked = (before, time.time())
        kept = self.facts.get("content type")
        if kept is None:
            return "ok", "this storage keeps none"
        if kept == CONTENT_TYPE:
            return "ok", kept
        return "warning", f"{kept} instead of {CONTENT_TYPE}: browsers may not show frames from here"

    def clock(self) -> tuple[Status, str]:
        """Compare the clocks: the storage's answer is from between two moments of this machine."""
        there, (before, after) = self._time_there()
        if there is None:
            return "ok", "this storage does not report its time"
        ahead, behind = before - there - 1, there - after  # storages leave the parts of a second out
        if max(ahead, behind) < NOTICED_SKEW:
            return "ok", "the same as the storage's"
        difference = f"{ahead + 1:.0f} s ahead of" if ahead > 0 else f"{behind:.0f} s behind"
        refused = "" if self.target.is_local else f"; from {REFUSED_SKEW} s on requests are refused"
        return "warning", f"this machine's is {difference} the storage's: set it{refused}"

    def _time_there(self) -> tuple[float | None, tuple[float, float]]:
        date = self.facts.get("date")
        if date is not None:
            return parsedate_to_datetime(date).timestamp(), self.asked
        before = time.time()
        try:
            there = self.target.clock(self.path)
        except TargetError:
            there = None
        return there, (before, time.time())

    def delete(self) -> tuple[Status, str]:
        left = [problem for problem in map(self._deleted, (self.path, self.other)) if problem]
        if left:
            return "warning", f"{left[0]}; saving works without this right, but doctor's files stay in .seqsave"
        for folder in self.made:
            with contextlib.suppress(OSError):  # another program has put something into it
                os.rmdir(folder)  # noqa: PTH106 - as targets have their paths
        return "ok", "nothing is left"

    def _deleted(self, path: str) -> str:
        """Delete a file; return why that failed, or None."""
        try:
            self.target.delete(path)
        except TargetError as error:
            return str(error)
        return ""

    def _publish(self, path: str, data: bytes, *, create: bool = False) -> targets.Published:
        return self.target.publish(path, data, content_type=CONTENT_TYPE, create=create)

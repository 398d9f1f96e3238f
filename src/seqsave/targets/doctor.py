"""Test the abilities of a target: rights, create without replacing, content type, clock; with advice on problems."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Literal

from seqsave import naming, targets
from seqsave.errors import SeqSaveError, TargetError
from seqsave.wording import counted

__all__ = ["Check", "Diagnosis", "examine"]

Status = Literal["ok", "warning", "failed", "skipped"]

# S3 refuses signatures that are older, https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
REFUSED_SKEW = 15 * 60
NOTICED_SKEW = 60
CONTENT_TYPE = "image/png"  # of the file that is tried: what frames have


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check. ``message`` states the result, and what to do about a problem."""

    name: str
    status: Status
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The result of ``examine``. facts: the storage's own reports, such as its endpoint and region."""

    url: str
    checks: tuple[Check, ...]
    facts: Mapping[str, str] = field(default_factory=dict)

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
    return Diagnosis(url=target.url, checks=tuple(examination.checks), facts=examination.facts)


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
        self.made = _missing_folders(target)
        name = f"doctor-{secrets.token_hex(6)}"
        self.path, self.other = (f"{naming.PRIVATE_FOLDER}/{name}{end}.txt" for end in ("", "-new"))
        self.steps: tuple[tuple[str, Callable[[], tuple[Status, str]]], ...] = (
            ("list", self.list),
            ("write", self.write),
            ("read", self.read),
            ("replace", self.replace),
            ("create", self.create),
            ("content type", self.content_type),
            ("clock", self.clock),
            ("delete", self.delete),
        )

    def run(self) -> None:
        for name, step in self.steps:
            try:
                status, message = step()
            except SeqSaveError as error:
                status, message = "failed", str(error)
            self.checks.append(Check(name=name, status=status, message=message))
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
            return "warning", f"{error}; saving may work, but ls, verify, resuming and reading need it"
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

    def content_type(self) -> tuple[Status, str]:
        self.facts = dict(self.target.about(self.path))
        kept = self.facts.get("content type")
        if kept is None:
            return "ok", "this storage keeps none"
        if kept == CONTENT_TYPE:
            return "ok", kept
        return "warning", f"{kept} instead of {CONTENT_TYPE}: browsers may not show frames from here"

    def clock(self) -> tuple[Status, str]:
        date = self.facts.get("date")
        if date is None:
            return "ok", "this storage does not report its time"
        skew = (datetime.now(timezone.utc) - parsedate_to_datetime(date)).total_seconds()
        if abs(skew) < NOTICED_SKEW:
            return "ok", "the same as the storage's"
        difference = f"this machine's is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the storage's"
        return "warning", f"{difference}: set it; from {REFUSED_SKEW} s on requests are refused"

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

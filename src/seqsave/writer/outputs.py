"""One filetype at work: what makes its frames' bytes, where they are published, and its part in the manifest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from seqsave import targets
from seqsave.errors import SeqSaveError, SpoolError, TargetError
from seqsave.manifest import Facts, Session
from seqsave.types import SavedFrame, SaveResult
from seqsave.writer.encode import Encoding, Work
from seqsave.writer.fallback import Outage
from seqsave.writer.numbering import Numbering, Place
from seqsave.writer.publish import Payload, Publication
from seqsave.writer.record import Record

if TYPE_CHECKING:
    from seqsave.runtime.retry import RetryPolicy
    from seqsave.spool import Spool
    from seqsave.writer.events import Ledger
    from seqsave.writer.formats import Format
    from seqsave.writer.pixels import Pixels, Taken
    from seqsave.writer.settings import EmbeddedMetadata, IfExists

__all__ = ["Common", "Picture", "Track"]

# These replace no frame that is there.
_REPLACING_NOTHING = ("error", "skip")


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What all filetypes of a writer share.

    kept_in:        the spool, if there is one. behind: all frames go there first.
    stop_event:     set when the run is broken off. on_stop: told what breaks it off.
    on_throttled:   called when the storage asks for fewer requests.
    """

    target: targets.Target
    numbering: Numbering
    ledger: Ledger
    embedding: EmbeddedMetadata
    policy: RetryPolicy
    if_exists: IfExists
    keeps_manifest: bool
    recipe: str | None
    kept_in: Spool | None
    behind: bool
    stop_event: threading.Event
    on_stop: Callable[[BaseException], None]
    on_throttled: Callable[[], None]


class Picture:
    """A picture that several filetypes take: what is the same for some of them is made once."""

    def __init__(self, picture: Any) -> None:
        self.picture = picture
        self._taken: dict[Any, Taken] = {}

    def take(self, pixels: Pixels) -> Taken:
        """See ``Pixels.take``."""
        if pixels.key not in self._taken:
            self._taken[pixels.key] = pixels.take(self.picture)
        return self._taken[pixels.key]


class Track:
    """See the module."""

    def __init__(self, form: Format, common: Common) -> None:
        self.rule = form.rule
        self.embeds = form.resolved.embed
        self._common = common
        self.unrecorded: SeqSaveError | None = None
        """Why the manifest does not say what has become of the frames, when it does not."""
        facts = Facts(
            prefix=self.rule.prefix,
            extension=self.rule.extension,
            filetype=form.resolved.filetype,
            digits=self.rule.digits,
            start=common.numbering.start,
            step=common.numbering.step,
            total=common.numbering.total,
            rate=common.embedding.exact_rate,
            metadata=common.embedding.for_manifest(embeds=form.resolved.embed),
            recipe=common.recipe,
        )
        replaces = common.if_exists not in _REPLACING_NOTHING
        session = Session(common.target, facts, creates=common.keeps_manifest, replaces=replaces, policy=common.policy)
        self._record = Record(session, facts, creates=common.keeps_manifest)
        self.outage = self._open_outage()
        self.publication = Publication(
            common.target,
            self._record,
            folder=self.rule.folder,
            policy=common.policy,
            if_exists=common.if_exists,
            content_type=form.resolved.spec.content_type,
            on_retry=partial(common.ledger.note, "retry"),
            on_throttled=common.on_throttled,
            outage=self.outage,
        )
        self._encoding = Encoding(
            form.resolved,
            form.rule,
            pixels=form.pixels,
            options=form.options,
            embedding=common.embedding,
            start=common.numbering.start,
            total=common.numbering.total,
            warn=common.ledger.warn,
        )

    def _open_outage(self) -> Outage | None:
        common = self._common
        if common.kept_in is None:
            return None
        return Outage(
            common.kept_in,
            common.target,
            self._record,
            policy=common.policy,
            behind=common.behind,
            keeps_manifest=common.keeps_manifest,
            stop_event=common.stop_event,
            on_stop=common.on_stop,
        )

    def own(self, place: Place) -> Place:
        """The same frame under this filetype's name."""
        path = self.rule.format(place.index, place.batch)
        return place if path == place.path else replace(place, path=path)

    def prepare(self, picture: Picture, own: Mapping[str, str], recipe: str | None, place: Place) -> Work:
        """See ``Encoding.prepare``."""
        return self._encoding.prepare(picture.take, own, recipe, place)

    def payload(self, place: Place, work: Work) -> Payload | None:
        """What is to be published, if anything is. Runs on an encoding thread."""
        if self.publication.stands(place, partial(work.look, place.name), work.recipe):
            return None
        payload = self.publication.payload(place, work.encode(), work.picture, work.recipe)
        self._common.ledger.note("encoded", place, size=payload.size)
        return payload

    def come_back(self) -> list[SavedFrame]:
        """Try once more to publish what is in the spool; returns what is there now."""
        return [] if self.outage is None else list(self.outage.finish().values())

    def settle(self, result: SaveResult, *, broken: bool, stopped: bool) -> None:
        """Put what has become of the frames into the manifest. That this failed stays in ``unrecorded``."""
        mine = self._mine(result)
        later = partial(self._settle_later, mine, broken=broken, stopped=stopped)
        try:
            if self.outage is None or not self.outage.is_away:
                self._record.settle(mine, broken=broken, stopped=stopped)
            else:
                later(self.outage)
        except SeqSaveError as error:
            # Without a manifest of our own, one that is there says that it is incomplete, and that is true.
            self.unrecorded = error if self._common.keeps_manifest else None
            if self.outage is not None and isinstance(error, TargetError):
                later(self.outage)

    def _settle_later(self, result: SaveResult, outage: Outage, *, broken: bool, stopped: bool) -> None:
        try:
            is_told = outage.tell_later(result, broken=broken, stopped=stopped)
        except SpoolError as error:
            self.unrecorded = error
            return
        if is_told and not outage.behind:
            why = "" if self.unrecorded is None else f"{self.unrecorded}. "
            advice = f"To do that when the storage is back: seqsave flush {outage.folder}"
            self.unrecorded = SpoolError(f"{why}{advice}", reason="unpublished")

    def _mine(self, result: SaveResult) -> SaveResult:
        """The frames of this filetype only."""
        end = f".{self.rule.extension}"
        return replace(
            result,
            frames=tuple(frame for frame in result.frames if frame.url.endswith(end)),
            failures=tuple(failure for failure in result.failures if failure.url.endswith(end)),
        )

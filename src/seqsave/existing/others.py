"""Remove or name the frames of a sequence that a run did not write, after the run has ended well."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

from seqsave import naming, targets
from seqsave.errors import TargetError
from seqsave.existing.beside import FramesBeside, lacking_of_total
from seqsave.existing.replacing import OlderFrames, beside_these, replaced_by_another
from seqsave.existing.sidecars import recorded_sidecars, remove_sidecars
from seqsave.manifest import Listing, Manifest
from seqsave.manifest.run import RunRecord
from seqsave.naming import NameRule
from seqsave.types import SavedFrame, SaveResult

if TYPE_CHECKING:
    from seqsave.settings.groups import Delivery

__all__ = ["OtherFrames"]


class OtherFrames:
    """The frames of one sequence that a run does not write. ``warn`` is called with (kind, message).

    With ``if_exists="replace"`` the older ones of them are removed; otherwise they are named.
    """

    def __init__(
        self,
        target: targets.Target,
        rule: NameRule,
        delivery: Delivery,
        record: RunRecord,
        warn: Callable[[str, str], None],
    ) -> None:
        self._target, self._rule, self._record, self._warn = target, rule, record, warn
        self._makes_manifest = delivery.manifest
        self._older = OlderFrames(target, rule, delivery.policy) if delivery.if_exists == "replace" else None

    def note(self) -> None:
        """List the frames that are to be removed, before the first one is written. Raises TargetError."""
        if self._older is not None:
            self._older.note()

    def tidy(self) -> bool:
        """Delete the sidecars that the frames had which the run has replaced; return whether none of them is left.

        They belong to no file any more; with equal bytes, they would pass for those of the new frame. Call it before
        the run ends in the manifest, so that the next run cannot have begun.
        """
        replaced = self._record.replaced_with_sidecars()
        older: set[str] = set()
        for before, now in replaced or ():
            path = naming.join(self._rule.folder, now.name)
            older |= recorded_sidecars(path, before) - recorded_sidecars(path, now)
        warning = remove_sidecars(self._target, sorted(older)) if older else ""
        if warning:
            self._warn("sidecars", warning)
        return replaced is not None and not warning

    def settle(
        self, result: SaveResult, made: Manifest | None, path_of: Callable[[SavedFrame], str]
    ) -> Manifest | None:
        """Remove or name them, and warn of frames that are lacking. Return the manifest, from which they are removed.

        result: of the run. made: the manifest as the run left it; None without one. path_of: the path of a frame.
        """
        self._name_folders()
        seen = self._record.take_seen()
        indices = {one.index for one in result.frames if one.status in ("saved", "skipped")}
        has_none = not result.frames
        is_several = self._makes_manifest or len(indices) > 1 or has_none  # frames may be saved by a call for each
        if is_several and (lacking := lacking_of_total(self._record.facts, made, indices, has_none=has_none)):
            self._warn("lacking", lacking)
        taken = [] if made is None else self._record.replaced(made)
        if taken:  # then the other run's frames are no older ones
            self._warn("replaced", replaced_by_another(taken))
        elif self._older is not None and any(frame.status == "saved" for frame in result.frames):
            if made is not None and made.writers:
                self._warn("older", f"frames of older runs are kept: {made.writers[0]} is writing some")
                return made
            made, warning = self._older.replace(self._record, made, {path_of(frame) for frame in result.frames})
            if warning:
                self._warn("older", warning)
        if made is not None:
            self._name(made, seen)
        return made

    def _name_folders(self) -> None:
        """Warn of folders whose names differ from those in the prefix only in their Unicode form."""
        parts = self._rule.folder.split("/")
        for place, name in enumerate(parts):
            if not naming.other_forms(name):  # most have one form: their folder is not listed
                continue
            parent = "/".join(parts[:place])
            try:
                names = {entry.name for entry in self._target.list(parent) if entry.is_folder}
            except TargetError:  # a key may have the right to write only
                continue
            alike = [one for one in names if one != name and naming.normalized(one) == naming.normalized(name)]
            if alike and name in names:
                url = self._target.url_of(parent) if parent else self._target.url
                this, other = naming.distinct(name, alike[0])
                self._warn(
                    f"folder {place}",
                    f"two folders in {url} have one name: {this}, with the frames of this run, and {other}. Move the "
                    "frames into one of them",
                )

    def _name(self, made: Manifest, seen: Listing | None) -> None:
        """Warn about the frames beside those of this run. seen: its last listing."""
        beyond = {frame.index for frame in made.beyond}
        if beyond and self._older is None:
            self._warn("older", f"{beside_these(beyond)}; `if_exists='replace'` removes them")
        beside = FramesBeside(self._target, self._rule, made, self._record.run, seen)
        left = itertools.chain(beside.doubles(), beside.in_other_folders())  # what a replacement does not remove
        for number, text in enumerate(beside.warnings() if self._older is None else left):
            self._warn(f"beside {number}", text)

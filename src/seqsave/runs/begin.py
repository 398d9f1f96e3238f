"""The note that a run writes before its first frame: the existing frames, if these must never be replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from seqsave import manifest, naming, targets
from seqsave.errors import FrameExistsError, FrameNameError, RunError
from seqsave.runtime import retry
from seqsave.targets.spelling import differs_in_case, folds_case, refusal

__all__ = ["folder_of", "leave_note", "may_adopt", "note_path", "refuse_other_names", "remove_empty_folder"]

_JSON = "application/json"

Key = tuple[int, int | None]


def folder_of(run: str) -> str:
    """Return the folder of a run's notes, below the target."""
    return f"{naming.PRIVATE_FOLDER}/runs/{run}"


def note_path(run: str, rule: naming.NameRule) -> str:
    """Return the path of the note about existing frames."""
    name = f"{rule.prefix}.{rule.extension}".replace("%", "%25").replace("/", "%2F")
    return f"{folder_of(run)}/{name}.begun"


def remove_empty_folder(target: targets.Target, run: str) -> None:
    """Remove the folder of a run's notes, unless it has files: a task may still leave some."""
    target.tidy(f"{folder_of(run)}/any")
    target.tidy(folder_of(run))


def leave_note(target: targets.Target, run: str, rule: naming.NameRule, policy: retry.RetryPolicy) -> None:
    """Note which frames exist, unless the run has noted them before. Raises TargetError."""
    path = note_path(run, rule)
    if retry.call(policy, lambda: target.exists(path), contact=target.known):
        return
    found: dict[str, list[int]] = {}
    for index, batch in _existing(target, rule, policy):
        found.setdefault("" if batch is None else str(batch), []).append(index)
    document = {batch: naming.format_ranges(naming.to_ranges(sorted(own))) for batch, own in found.items()}
    data = json.dumps({"existing": document}).encode()

    def publish() -> None:
        target.publish(path, data, content_type=_JSON, create=True)

    try:
        retry.call(policy, publish, contact=target.known)
    except FrameExistsError:
        return  # another driver has begun the same run at the same time


def refuse_other_names(target: targets.Target, rule: naming.NameRule, policy: retry.RetryPolicy) -> None:
    """Raise FrameExistsError if frames have names of other frames, because the storage ignores case: frame_1, Frame_1.

    Parts list no folder. On a local disk they check each name. Raises TargetError.
    """
    if target.is_local or not target.may_fold_case(rule.format(0)):
        return
    name = rule.name
    anyhow = replace(name, head=name.head.casefold(), tail=name.tail.casefold())
    for entry in retry.call(policy, lambda: target.list(rule.folder), contact=target.known):
        index = None if entry.is_folder else anyhow.parse(entry.name.casefold())
        if index is None or not differs_in_case(entry.name, rule.file_name(index)):
            continue
        path = rule.format(index)
        if retry.call(policy, partial(folds_case, target, path, [entry.name]), contact=target.known):
            raise refusal(target, path, entry.name)


def may_adopt(target: targets.Target, run: str, rule: naming.NameRule, key: Key, policy: retry.RetryPolicy) -> bool:
    """Return whether an existing frame is from an earlier attempt of this run, whose bytes may differ.

    It is if it did not exist when the run began, and if no other run has been added to the manifest since.

    Raises TargetError, ManifestError, RunError for a damaged note.
    """
    existing = _read_note(target, note_path(run, rule), policy)
    if existing is None or any(key[0] in one for one in existing.get(key[1], ())):
        return False
    current = manifest.read(target, manifest.path_of(rule.folder, rule.name), policy=policy)
    if current is None or [writer.id for writer in current.writers] != [f"{manifest.RUN_HEAD}{run}"]:
        return False
    return key not in {frame.key for frame in current.frames}


def _existing(target: targets.Target, rule: naming.NameRule, policy: retry.RetryPolicy) -> list[Key]:
    found: list[Key] = []
    batches: list[int] = []
    for entry in retry.call(policy, lambda: target.list(rule.folder), contact=target.known):
        batch = naming.parse_batch_folder(entry.name) if entry.is_folder else None
        if batch is not None:
            batches.append(batch)
        found += _as_frame(rule, entry, None)
    for batch in batches:
        folder = "/".join(filter(None, (rule.folder, naming.batch_folder(batch))))
        for entry in retry.call(policy, lambda: target.list(folder), contact=target.known):  # noqa: B023 - called here
            found += _as_frame(rule, entry, batch)
    return found


def _as_frame(rule: naming.NameRule, entry: targets.Entry, batch: int | None) -> list[Key]:
    index = None if entry.is_folder else rule.name.parse(entry.name)
    return [(index, batch)] if index is not None and _is_called(entry.name, rule.file_name(index)) else []


def _is_called(name: str, other: str) -> bool:
    return naming.normalized(name) == naming.normalized(other)


def _read_note(
    target: targets.Target, path: str, policy: retry.RetryPolicy
) -> Mapping[int | None, tuple[range, ...]] | None:
    """Return the frames that existed, by batch; None if there is no note, so that all of them may have existed."""
    try:
        data = retry.call(policy, lambda: target.read(path), contact=target.known)
    except targets.FileMissingError:
        return None
    try:
        existing: Any = json.loads(data)["existing"]
        return {int(batch) if batch else None: naming.parse_ranges(text) for batch, text in existing.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, FrameNameError):
        raise RunError(
            f"{target.url_of(path)} is damaged, so it is not known which frames existed when the run began",
            reason="unknown",
        ) from None

"""The records of a manifest: each travels as JSON by itself."""

from __future__ import annotations

import json

from hypothesis import given

from seqsave.manifest import Facts, FrameEntry, Manifest
from tests.manifest.strategies import (
    UNHURRIED,
    frames,
    manifests,
)


@UNHURRIED
@given(frames)
def test_a_frame_alone(frame: FrameEntry) -> None:
    assert FrameEntry.from_document(json.loads(json.dumps(frame.as_document()))) == frame


@UNHURRIED
@given(manifests)
def test_facts_alone(made: Manifest) -> None:
    facts = Facts(**{name: getattr(made, name) for name in Facts.__dataclass_fields__})
    assert Facts.from_document(json.loads(json.dumps(facts.as_document()))) == facts

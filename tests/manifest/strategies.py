"""Random manifests and their parts."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from seqsave import naming
from seqsave.manifest import FrameEntry, Manifest, Picture, RunEntry, WriterEntry
from seqsave.settings.rates import HIGHEST_RATE

# How long examples take to make says something of the machine only.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


words = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)


maybe = st.none() | words


indices = st.integers(0, 40)


pictures = st.none() | st.builds(
    Picture, width=st.integers(1, 9), height=st.integers(1, 9), channels=st.integers(1, 4), dtype=words
)


frames = st.builds(
    FrameEntry, index=indices, batch=st.none() | st.integers(0, 3), name=words, size=st.none() | st.integers(0, 99),
    checksum=st.none() | st.sampled_from(["crc32:00000001", "crc32:ffffffff"]), etag=maybe, acknowledged=st.booleans(),
    recipe=maybe, picture=pictures, disputed=st.booleans(), run=st.none() | st.sampled_from(["a", "b", "c"]),
)  # fmt: skip


writers = st.builds(
    WriterEntry,
    id=words,
    host=words,
    pid=st.integers(0, 99),
    since=st.just("2026-11-23T08:00:00Z"),
    replaces=st.booleans(),
)


sets = st.sets(st.integers(0, 40)).map(lambda found: naming.to_ranges(sorted(found)))


runs = st.builds(
    RunEntry, id=st.sampled_from(["a", "b", "d"]), since=st.just("2026-11-23T08:00:00Z"), start=indices,
    step=st.integers(1, 5), total=st.none() | indices, about=st.booleans(), batches=st.lists(indices).map(tuple),
    expected=sets, defines=st.booleans(),
)  # fmt: skip


values = st.recursive(
    st.none() | st.booleans() | st.integers() | words, lambda inner: st.lists(inner) | st.dictionaries(words, inner)
)


# Every rate that a writer takes: see HIGHEST_RATE and the denominator beside it.
rates = st.builds(Fraction, st.integers(1, HIGHEST_RATE), st.integers(1, 1_001_000))


manifests = st.builds(
    Manifest, prefix=words, extension=words, filetype=words, digits=st.integers(0, 32), start=indices,
    step=st.integers(1, 5), total=st.none() | indices, metadata=st.dictionaries(words, values), recipe=maybe,
    rate=st.none() | rates, complete=st.booleans(),
    expected=sets, runs=st.lists(runs, unique_by=lambda run: run.id).map(tuple),
    frames=st.lists(frames, unique_by=lambda frame: frame.key).map(
        lambda found: tuple(sorted(found, key=lambda f: (f.index, -1 if f.batch is None else f.batch)))
    ),
    writers=st.lists(writers).map(tuple), unfinished=st.lists(words).map(tuple),
    updated=st.just("2026-11-23T08:00:00Z"), software=words,
)  # fmt: skip

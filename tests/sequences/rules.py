"""Rules for names of any kind, for tests that write frames by a pattern and look for them."""

from __future__ import annotations

import string

from hypothesis import strategies as st

from seqsave import naming
from seqsave.errors import FrameNameError

TEXT = st.text(st.sampled_from(string.ascii_letters + string.digits + "..__-- ()[]+=~é日\u0301"), max_size=10)
INDICES = st.sets(st.integers(-200, 20_000), min_size=2, max_size=5)


@st.composite
def rules(draw: st.DrawFn) -> naming.NameRule | None:
    """A rule for names; None for parts that no rule takes."""
    try:
        return naming.NameRule(
            draw(TEXT), draw(st.integers(0, 6)), draw(st.sampled_from(["png", "PNG"])), draw(TEXT), draw(TEXT)
        )
    except FrameNameError:
        return None

"""An encoder that works where it was written, and whose backend is not a dependency of its distribution."""

import sys

from tests.kit.codec import TinyEncoder

if "seqsave.testing" not in sys.modules:  # as on a user's machine
    import no_such_backend  # type: ignore[import-not-found]

    assert no_such_backend


class PartialEncoder(TinyEncoder):
    pass

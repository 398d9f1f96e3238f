"""Test kits for authors of plugins: classes of pytest tests to inherit from.

In a test file of the plugin::

    from seqsave.testing import EncoderSuite
    from seqsave_exr import EXR

    class TestExr(EncoderSuite):
        spec = EXR

``EncoderSuite`` tests an encoder, ``TargetSuite`` a storage. ``seqsave.testing.outside`` reads files with independent
programs.
"""

from seqsave import _lazy

_HOMES = {
    "encoders": "EncoderSuite",
    "targets": "TargetPlace TargetSuite",
}
__getattr__, __dir__, __all__ = _lazy.attach(__name__, _HOMES)

from seqsave.testing import EncoderSuite
from seqsave_webp import WEBP


class TestWebp(EncoderSuite):
    spec = WEBP
    lossless_options = {"lossless": True}

"""Look at sequences wherever they lie: in a browser, as one picture, as one page."""

from seqsave import _lazy

_HOMES = {"mounting": "Pages", "storing": "make_proxies"}
__getattr__, __dir__, __all__ = _lazy.attach(__name__, _HOMES)

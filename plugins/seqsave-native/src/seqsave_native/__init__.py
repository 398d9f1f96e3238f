"""PNG for seqsave in C. seqsave uses it by itself when it is installed; it has no settings.

The module ``seqsave_native._kernel`` is missing where the package was installed without a compiler.
"""

__version__ = "0.1.0"

"""``s3://`` for seqsave through obstore, where it sends exactly what s3fs would.

This module has declarations only; obstore and s3fs are imported when a bucket is opened.
"""

from __future__ import annotations

import seqsave

__all__ = ["S3", "seqsave_targets"]

__version__ = "0.1.0"

S3 = seqsave.TargetSpec(
    protocols=("s3", "s3a"),
    target="seqsave_obstore.target:FastS3Target",
    options={
        "client": seqsave.Option(
            type=str,
            choices=("obstore", "s3fs"),
            help="The client that puts and reads objects; by default obstore where it does the same as s3fs.",
        ),
    },
    install_hint="pip install seqsave-obstore",
)


@seqsave.hookimpl
def seqsave_targets() -> list[seqsave.TargetSpec]:
    """Return the declaration of ``s3://`` through obstore."""
    return [S3]

"""Plugins made for tests."""

from __future__ import annotations

BOTH = """
from seqsave import EncoderSpec, ObserverSpec, TargetSpec, hookimpl

@hookimpl
def seqsave_encoders():
    return [EncoderSpec(filetype='sound', extensions=('x',), encoder='a:B', dtypes=('uint8',))]

@hookimpl
def seqsave_{kind}({arguments}):
    {body}
"""

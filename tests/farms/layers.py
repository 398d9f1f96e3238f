"""Print the layers of a job for OpenCue as JSON: what pyoutline sends to Cuebot, with the frames of each range.

python layers.py docs/farms/opencue.py ARGUMENTS
"""

from __future__ import annotations

import importlib.util
import json
import sys
from xml.etree import ElementTree

import outline.cuerun
from FileSequence import FrameSet


def main(path: str, arguments: list[str]) -> None:
    spec = importlib.util.spec_from_file_location("submission", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    launcher = outline.cuerun.OutlineLauncher(module.build(module.parse(arguments)))
    text = launcher.serialize(use_pycuerun=False).partition('dtd">')[2]
    root = ElementTree.fromstring(text)  # noqa: S314 - our own job
    after = {}
    for depend in root.iter("depend"):
        assert depend.get("type") == "LAYER_ON_LAYER", depend.get("type")
        after[depend.findtext("deplayer")] = depend.findtext("onlayer")
    layers = [
        {
            "name": layer.get("name"),
            "command": layer.findtext("cmd"),
            "frames": list(FrameSet(layer.findtext("range"))),
            "chunk": int(layer.findtext("chunk")),
            "after": after.get(layer.get("name")),
        }
        for layer in root.iter("layer")
    ]
    sys.stdout.write(json.dumps(layers))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

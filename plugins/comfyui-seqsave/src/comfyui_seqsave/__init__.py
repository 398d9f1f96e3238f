"""ComfyUI nodes that save image sequences to a folder, a bucket or memory, and load them back.

ComfyUI reads ``NODE_CLASS_MAPPINGS`` from here. No module of ComfyUI is imported before ComfyUI calls a node.
"""

from __future__ import annotations

import logging
from typing import Any

from seqsave import SeqSaveError

from . import behind, host, looking, replacing, settings
from .nodes import ALL, ORIGINAL

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS", "WEB_DIRECTORY", "__version__"]

__version__ = "0.1.0"

WEB_DIRECTORY = "./web"

_MARK, _ORIGINAL_MARK = "[seqsave]", "[Dream]"

NODE_CLASS_MAPPINGS: dict[str, Any] = {f"{node.TITLE} {_MARK}": node for node in ALL}
NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {f"{node.TITLE} {_MARK}": node.TITLE for node in ALL}


def _original_ids() -> dict[str, Any]:
    """Return the ids of the Dream pack's nodes, if the administrator has enabled them and no pack has registered them.

    If that pack is loaded after this one, its nodes replace these.
    """
    try:
        wanted = settings.load().original_ids
    except SeqSaveError as error:  # each node reports it too, when it is used
        logging.getLogger(__name__).warning("%s", error)
        return {}
    ids = {f"{node.TITLE} {_ORIGINAL_MARK}": node for node in ORIGINAL} if wanted else {}
    return {name: node for name, node in ids.items() if not host.has_node(name)}


behind.log_waiting()
replacing.offer({f"{node.TITLE} {_ORIGINAL_MARK}": (f"{node.TITLE} {_MARK}", node) for node in ORIGINAL})
host.serve("/seqsave/settings", settings.summary)
looking.offer()

for _name, _node in _original_ids().items():
    NODE_CLASS_MAPPINGS[_name] = _node
    NODE_DISPLAY_NAME_MAPPINGS[_name] = f"{_node.TITLE} (original id)"

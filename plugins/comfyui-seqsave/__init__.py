"""What ComfyUI loads when this folder lies in, or is linked into, its custom_nodes folder."""

from .src.comfyui_seqsave import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS", "WEB_DIRECTORY"]

WEB_DIRECTORY = "./src/comfyui_seqsave/web"

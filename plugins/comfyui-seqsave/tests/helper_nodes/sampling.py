"""Nodes with the inputs of ComfyUI's own loader, text encoder, latent and sampler, which need no model."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["SAMPLING"]

WHOLE = ("INT", {"default": 0, "min": 0, "max": 2**63})
NUMBER = ("FLOAT", {"default": 1.0})
TEXT = ("STRING", {"default": "", "multiline": True})


class _Passing:
    """What goes over the links means nothing."""

    FUNCTION = "run"
    CATEGORY = "test"
    RETURN_TYPES: tuple[str, ...] = ("*",)

    def run(self, **_: Any) -> tuple[Any, ...]:
        return tuple(None for _ in self.RETURN_TYPES)


class Checkpoint(_Passing):
    RETURN_TYPES = ("MODEL", "CLIP", "VAE")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"ckpt_name": TEXT}}


class Encode(_Passing):
    RETURN_TYPES = ("CONDITIONING",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"text": TEXT, "clip": ("CLIP",)}}


class Sampler:
    """Samples and decodes in one step: one grey picture."""

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "run"
    CATEGORY = "test"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        links = {"model": ("MODEL",), "positive": ("CONDITIONING",), "negative": ("CONDITIONING",)}
        names = dict.fromkeys(("sampler_name", "scheduler"), TEXT)
        return {"required": {**links, "seed": WHOLE, "steps": WHOLE, "cfg": NUMBER, **names, "denoise": NUMBER}}

    def run(self, seed: int, **_: Any) -> tuple[Any]:
        import torch

        return (torch.from_numpy(np.full((1, 32, 48, 3), seed % 256 / 255, np.float32)),)


SAMPLING = (Checkpoint, Encode, Sampler)

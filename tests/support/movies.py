"""Movies, decoded by the matrix that they state, also with releases of PyAV that ignore it."""

from __future__ import annotations

import io
from typing import Any

from tests.support.needs import needs_package


def decoded(data: bytes) -> list[Any]:
    """Return the pictures of a BT.709 movie, H,W,3, uint8."""
    av = needs_package("av")
    pictures = []
    with av.open(io.BytesIO(data)) as file:
        graph: Any = None
        for frame in file.decode(video=0):
            if graph is None:
                graph = av.filter.Graph()
                steps = [graph.add_buffer(template=file.streams.video[0])]
                for name, arguments in (("scale", "in_color_matrix=bt709"), ("format", "rgb24"), ("buffersink", None)):
                    steps.append(graph.add(name, arguments))
                    steps[-2].link_to(steps[-1])
                graph.configure()
            graph.push(frame)
            pictures.append(graph.pull().to_ndarray(format="rgb24"))
    return pictures

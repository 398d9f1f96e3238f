"""The judge of ``machines``, a program of its own that uses no code of the project: what is in a bucket after a run.

``python machines_judge.py ORDER``: the order is JSON with endpoint_url, key, secret, bucket, prefix, frames. It prints
one line of JSON: how many files there are of each kind, and whether a manifest says ``complete``.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections import Counter
from typing import Any

import numpy as np

HEIGHT, WIDTH = 96, 128


def picture(index: int) -> np.ndarray[Any, Any]:
    """The picture of a frame: noise."""
    return np.random.default_rng(index).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def main(order: dict[str, Any]) -> dict[str, Any]:
    import botocore.session

    client = botocore.session.Session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=order["endpoint_url"],
        aws_access_key_id=order["key"],
        aws_secret_access_key=order["secret"],
    )
    known = {picture(index).tobytes(): index for index in range(order["frames"])}
    found: Counter[int] = Counter()
    named, wrong, complete = set(), 0, None
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=order["bucket"], Prefix=order["prefix"]):
        for entry in page.get("Contents", ()):
            data = client.get_object(Bucket=order["bucket"], Key=entry["Key"])["Body"].read()
            if entry["Key"].endswith(".json"):
                complete = bool(json.loads(data)["complete"])
            if not entry["Key"].endswith(".png"):
                continue
            index = known.get(pixels(data))
            stated = re.fullmatch(r"frame_(\d{5})\.png", entry["Key"].rpartition("/")[2])
            if index is None or (stated and int(stated[1]) != index):
                wrong += 1
                continue
            found[index] += 1
            named |= {index} if stated else set()
    duplicates = sum(found.values()) - len(found)
    return {"right": len(found), "named": len(named), "wrong": wrong, "duplicates": duplicates, "complete": complete}


def pixels(data: bytes) -> bytes:
    """Return the pixels of a file; b"" if it is damaged."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGB")).tobytes()
    except OSError:
        return b""


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))

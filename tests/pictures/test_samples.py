"""Values in another dtype; test_arrays.py has the conversions of whole pictures."""

from __future__ import annotations

import numpy as np
import pytest

from seqsave.pictures.samples import SCALES, in_dtype, name_of


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_floats_become_whole_numbers_and_losses_are_reported(name: str) -> None:
    values = np.array([[0, 0.5, 1]], name)
    assert in_dtype(values, np.dtype("uint8"))[0].tolist() == [[0, 127, 255]]
    assert in_dtype(values, np.dtype("uint16"))[0].tolist() == [[0, 32768, 65535]]
    found, clipped, nan = in_dtype(np.array([[-1, 2, np.nan]], name), np.dtype("uint8"))
    assert (found.tolist(), clipped, nan) == ([[0, 255, 0]], True, True)


@pytest.mark.parametrize(("source", "wider"), [("bool", "uint8"), ("bool", "uint16"), ("uint8", "uint16")])
def test_white_stays_white_in_a_wider_type(source: str, wider: str) -> None:
    white = np.full((2, 2), SCALES[source], source)
    assert (in_dtype(white, np.dtype(wider))[0] == SCALES[wider]).all()
    assert (in_dtype(white, np.dtype("float32"))[0] == 1).all()


def test_the_order_in_memory_is_kept() -> None:
    picture = np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(2, 0, 1)[:, ::-1] / np.float32(255)
    found, _, _ = in_dtype(picture, np.dtype("float64"))
    assert np.array_equal(found, picture)
    assert [stride // 2 for stride in found.strides] == list(picture.strides)


def test_the_name_of_a_dtype_is_that_of_its_native_order() -> None:
    assert name_of(np.dtype(">u2")) == name_of(np.dtype("<u2")) == "uint16"

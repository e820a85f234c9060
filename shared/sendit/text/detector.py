"""The detection model of PP-OCRv4 (DBNet) over a picture of any size, in tiles, on one thread."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from sendit.errors import Code, UsageError
from sendit.text.boxes import Box, boxes_in
from sendit.text.model import model_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

TILE = 1024
"""Rows and columns that are looked at in one go: what that takes of memory grows with them, not with the frame."""
_OVERLAP = 96
_STEP = TILE - _OVERLAP
_STRIDE = 32
"""Rows and columns must be a multiple of it."""


class Detector:
    """The model, loaded; made once in a process, by `detector`.

    Raises:
        UsageError: bad_setting, what it needs is not installed.
    """

    def __init__(self) -> None:
        import onnxruntime

        path = model_path()
        if path is None:
            raise UsageError(Code.BAD_SETTING, "Install sendit[ocr].")
        onnxruntime.set_default_logger_severity(4)  # only what ends the process is written to stderr
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # workers share the processors
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def boxes(self, picture: NDArray[np.uint8]) -> Iterator[Box]:
        """Boxes around the text of a picture: red, green and blue (rows × columns × 3).

        One larger than a tile is also looked at as a whole, made smaller: letters may be larger than what tiles share.
        """
        rows, columns, _ = picture.shape
        for top in range(0, max(rows - _OVERLAP, 1), _STEP):
            for left in range(0, max(columns - _OVERLAP, 1), _STEP):
                for box in self._boxes(picture[top : top + TILE, left : left + TILE]):
                    yield Box(box.left + left, box.top + top, box.right + left, box.bottom + top, box.score)
        factor = -(-max(rows, columns) // TILE)
        if factor > 1:
            for box in self._boxes(_smaller(picture, factor)):
                left, top, right, bottom = (factor * edge for edge in box[:4])
                yield Box(left, top, right, bottom, box.score).within(columns, rows)

    def _boxes(self, tile: NDArray[np.uint8]) -> Iterator[Box]:
        rows, columns, _ = tile.shape
        if tile.min() == tile.max():
            return
        values = np.full((1, 3, rows + -rows % _STRIDE, columns + -columns % _STRIDE), -1, np.float32)
        values[0, :, :rows, :columns] = np.moveaxis(tile, 2, 0) / np.float32(127.5) - 1
        (found,) = self._session.run(None, {self._input: values})
        yield from boxes_in(found[0, 0, :rows, :columns])


@cache
def detector() -> Detector:
    """The one of this process."""
    return Detector()


def _smaller(picture: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """The means of squares of so many pixels on each side; edges are repeated to fill the last ones."""
    rows, columns, _ = picture.shape
    padded = np.pad(picture, ((0, -rows % factor), (0, -columns % factor), (0, 0)), "edge")
    squares = padded.reshape(padded.shape[0] // factor, factor, -1, factor, 3)
    means: NDArray[np.uint8] = squares.mean((1, 3), dtype=np.float32).astype(np.uint8)
    return means

"""Where the model lies: in the wheel of rapidocr-onnxruntime, of which no module is imported."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

_MODEL = "models/ch_PP-OCRv4_det_infer.onnx"


def model_path() -> Path | None:
    """The file of the detection model; None if it is not installed."""
    spec = find_spec("rapidocr_onnxruntime")
    for place in (spec and spec.submodule_search_locations) or ():
        path = Path(place) / _MODEL
        if path.is_file():
            return path
    return None


def is_installed() -> bool:
    """Whether all is here that text is found with."""
    return all(find_spec(name) for name in ("numpy", "onnxruntime")) and model_path() is not None

"""Layers one before the other, and the engine behind them."""

from __future__ import annotations

import gc
import io

import google_crc32c
import numpy as np
import pytest
from tests.data.deid_objects import EXPLICIT, KEYS, TESTED, read_back
from tests.data.pixel_frames import J2K, RLE, encapsulated, encoded
from tests.data.pixel_objects import NATIVE, Picture
from tests.unit.pixels.test_compressed import mono
from tests.unit.pixels.test_native import CORNER

from sendit.deid import deidentify
from sendit.pixels import cleaned, hidden_in, without_hidden


@pytest.mark.parametrize("syntax", [*NATIVE, RLE, J2K])
def test_the_engine_reads_through_all_layers(syntax: str) -> None:
    picture = mono(3, stored=12)
    cells = picture.cells()
    spoilt = cells | 0x8000
    if syntax in NATIVE:
        data = picture.native(spoilt, syntax)
    else:
        wider = mono(3, stored=16)  # what the codestream holds; the header says less
        data = encapsulated(picture, [[one] for one in encoded(wider, spoilt, syntax)], syntax)
    assert "unused_bits" in hidden_in(io.BytesIO(data))
    sink = io.BytesIO()
    layers = without_hidden(cleaned(without_hidden(io.BytesIO(data)), CORNER))
    report = deidentify(layers, sink, profile=TESTED["dated"], keys=KEYS, identify=KEYS.identifiers)
    expected = picture.blanked(cells, CORNER).tobytes()
    assert read_back(sink.getvalue()).PixelData == expected
    assert report.pixel_crc32c == f"{google_crc32c.value(expected):08x}"
    assert report.transfer_syntax in {EXPLICIT, syntax}


def test_unused_bits_of_decoded_frames_are_seen_behind_the_decoder() -> None:
    wider = mono(1, stored=16)
    data = encapsulated(mono(1, stored=12), [[one] for one in encoded(wider, wider.cells() | 0x8000, J2K)], J2K)
    assert hidden_in(cleaned(io.BytesIO(data), CORNER)) == {"unused_bits"}


def test_the_source_stays_open_when_the_stream_is_gone() -> None:
    source = io.BytesIO(Picture().native(np.zeros((1, 6, 8, 1), "<u2")))
    stream = cleaned(source, CORNER)
    stream.close()
    del stream
    gc.collect()
    assert not source.closed

"""Compressed frames made native one by one, by pydicom's decoders and plugins, which are imported here alone."""

from __future__ import annotations

import logging
import warnings
from contextvars import ContextVar
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pydicom.uid import UID, JPEG2000TransferSyntaxes, RLELossless

from sendit.pixels import jpeg, jpeg2000, rle
from sendit.pixels.errors import PixelError, PixelRefusal

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import Decoder

    from sendit.pixels.image import Image

_LONGEST_RLE_SEGMENT = 1024 * 1024
"""What is decoded of it takes at most 64 times as much; a longer one is looked at before."""

_decoding: ContextVar[bool] = ContextVar("_decoding", default=False)


def decoder_for(transfer_syntax: str) -> Decoder:
    """The decoder of a transfer syntax, with the one plugin that is used for it on every machine.

    Raises:
        PixelError: `codec_unsupported` or `decoder_missing`.
    """
    if find_spec("numpy") is None:
        raise PixelError(PixelRefusal.DECODER_MISSING)
    from pydicom.pixels.decoders.base import get_decoder

    try:
        decoder = get_decoder(UID(transfer_syntax))
    except NotImplementedError:
        raise PixelError(PixelRefusal.CODEC_UNSUPPORTED) from None
    if _plugin(transfer_syntax) not in decoder.available_plugins:
        raise PixelError(PixelRefusal.DECODER_MISSING)
    return decoder


def decoded(
    decoder: Decoder, encapsulated: bytes, codestream: bytes, image: Image, photometric: str, *, whole: bool = False
) -> tuple[bytearray, str]:
    """A frame that is decoded, its samples side by side, and its Photometric Interpretation.

    `image` is what it should become, `photometric` what the header says of it before. Of JPEG and RLE the decoder
    clears the bits that are not stored, unless the cells are wanted as a `whole`.

    Raises:
        PixelError: `frame_not_as_described`, `codestream_malformed` or `frame_not_decodable`.
    """
    check_described(codestream, decoder.UID, image)
    _hush()
    options: dict[str, Any] = {
        "rows": image.rows,
        "columns": image.columns,
        "number_of_frames": 1,
        "samples_per_pixel": image.samples,
        "bits_allocated": image.bits_allocated,
        "bits_stored": image.bits_stored,
        "pixel_representation": int(image.signed),
        "photometric_interpretation": photometric,
        "planar_configuration": 0,
    }
    if whole:
        options["correct_unused_bits"] = False
    token = _decoding.set(True)
    try:
        array, properties = decoder.as_array(
            encapsulated, index=0, raw=True, decoding_plugin=_plugin(decoder.UID), **options
        )
        frame = bytearray(array.tobytes())
    except Exception:  # noqa: BLE001  of what an untrusted frame does to a decoder nothing is known
        raise PixelError(PixelRefusal.FRAME_NOT_DECODABLE) from None
    finally:
        _decoding.reset(token)
    if len(frame) != image.frame_bytes:
        raise PixelError(PixelRefusal.FRAME_NOT_AS_DESCRIBED)
    return frame, str(properties["photometric_interpretation"])


def _plugin(transfer_syntax: str) -> str:
    return "pydicom" if transfer_syntax == RLELossless else "pylibjpeg"


def check_described(data: bytes, transfer_syntax: str, image: Image) -> int:
    """The precision of a frame's codestream, which is refused if it decodes to something else than the header says.

    Raises:
        PixelError: `frame_not_as_described` or `codestream_malformed`.
    """
    if transfer_syntax == RLELossless:
        for start, end in rle.bounds(data, image.samples * image.bits_allocated // 8):
            if (
                end - start > _LONGEST_RLE_SEGMENT
                and rle.needed(data, start, end, image.rows * image.columns) < end - 1
            ):
                raise jpeg.malformed()
        return image.bits_allocated
    codec = jpeg2000 if transfer_syntax in JPEG2000TransferSyntaxes else jpeg
    says: jpeg.Described = codec.described(data)
    if says[:3] != (image.rows, image.columns, image.samples) or says.precision > image.bits_allocated:
        raise PixelError(PixelRefusal.FRAME_NOT_AS_DESCRIBED)
    return says.precision


class _Quiet(logging.Filter):
    """Drops what is logged while a frame is decoded: it quotes the header."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _decoding.get()


_QUIET = _Quiet()
_LOGGERS = (
    *(
        f"pydicom.{name}"
        for name in ("encaps", "misc", "pixels.common", "pixels.utils", "pixels.decoders.base", "pixels.decoders.rle")
    ),
    *("pydicom", "libjpeg.utils", "openjpeg.utils", "pylibjpeg.utils"),
)


def _hush() -> None:
    """Withholds the texts of decoders, again for each frame: whoever calls may have set all anew."""
    warnings.filterwarnings("ignore", module=r"(pydicom\.(pixels|encaps)|openjpeg|libjpeg|pylibjpeg)\b")
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_QUIET)

"""Why pixel data was refused: one stable code and one fixed sentence each, never a value of the object."""

from __future__ import annotations

from enum import StrEnum


class PixelRefusal(StrEnum):
    """The stable code of a refusal; codes are kept for ever, sentences may be improved."""

    NO_PIXELS_TO_CLEAN = "no_pixels_to_clean"
    PIXEL_FORMAT_UNSUPPORTED = "pixel_format_unsupported"
    PALETTE_UNUSABLE = "palette_unusable"
    CODEC_UNSUPPORTED = "codec_unsupported"
    DECODER_MISSING = "decoder_missing"
    FRAMES_UNCLEAR = "frames_unclear"
    FRAME_TOO_LARGE = "frame_too_large"
    DECODED_TOO_LARGE = "decoded_too_large"
    CODESTREAM_MALFORMED = "codestream_malformed"
    FRAME_NOT_AS_DESCRIBED = "frame_not_as_described"
    FRAME_NOT_DECODABLE = "frame_not_decodable"
    HIDDEN_DATA_LEFT = "hidden_data_left"


SENTENCES: dict[PixelRefusal, str] = {
    PixelRefusal.NO_PIXELS_TO_CLEAN: "The object holds no pixel data, so there is nothing to clean; "
    "ask for no cleaning of such objects.",
    PixelRefusal.PIXEL_FORMAT_UNSUPPORTED: "Pixel data described like this cannot be cleaned; "
    "export the object as MONOCHROME, RGB, YBR_FULL or PALETTE COLOR of 8, 16 or 32 bits.",
    PixelRefusal.PALETTE_UNUSABLE: "The palette is missing, segmented or of another size than it says, so that nobody "
    "knows which of its colours is black; export the object in RGB.",
    PixelRefusal.CODEC_UNSUPPORTED: "Nothing here can look into frames of this transfer syntax (video, JPEG XL); "
    "export the object as JPEG, JPEG-LS, JPEG 2000, RLE or uncompressed.",
    PixelRefusal.DECODER_MISSING: "The decoder of this transfer syntax is not installed; "
    "install sendit[pixels] where images are processed.",
    PixelRefusal.FRAMES_UNCLEAR: "Which fragments make which frame cannot be told; "
    "export the object with an offset table, or with a fragment for each frame.",
    PixelRefusal.FRAME_TOO_LARGE: "A frame is larger than can be held in memory; look at the object by hand.",
    PixelRefusal.DECODED_TOO_LARGE: "Uncompressed, the pixel data is longer than 4 GiB, which DICOM cannot hold; "
    "export the object in parts.",
    PixelRefusal.CODESTREAM_MALFORMED: "A compressed frame does not follow its codec's syntax; "
    "export the object again.",
    PixelRefusal.FRAME_NOT_AS_DESCRIBED: "A compressed frame has another size, depth or kind of colour than the header "
    "says, or than the first frame; export the object again.",
    PixelRefusal.FRAME_NOT_DECODABLE: "A compressed frame cannot be decoded; export the object again.",
    PixelRefusal.HIDDEN_DATA_LEFT: "A compressed frame holds something beside the image that cannot be taken out "
    "safely; export the object uncompressed.",
}


class PixelError(Exception):
    """Pixel data was refused. Its text is the code's fixed sentence and quotes nothing of the object."""

    def __init__(self, code: PixelRefusal) -> None:
        super().__init__(SENTENCES[code])
        self.code = code

    def __reduce__(self) -> tuple[type[PixelError], tuple[PixelRefusal]]:
        return type(self), (self.code,)

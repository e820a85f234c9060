"""Every error of sendit. The class decides what becomes of the message or the image.

    SenditError
    ├── Refused          answered and recorded; a retry would change nothing
    ├── ImageError       the image is an ERROR, the rest of the batch goes on
    ├── BatchError       the batch cannot go on: it is an ERROR, its files are kept
    ├── TransientError   the surroundings failed: nothing is recorded as done, retried with backoff
    │   ├── Busy         this worker has as many batches as it may; the message comes again
    │   ├── LeaseHeld    another worker has the batch; the message stays alive in case that worker dies
    │   └── LeaseLost    another worker took the batch over; this one writes no more status
    └── UsageError       whoever called can mend it: wrong setting, wrong folder, a run already going on

An error carries a stable `Code` and whole numbers, never text: the sentence comes from the table below, so
no value of a header, and no name of a file, can travel in an exception, a log line or a status document.
`UsageError` alone speaks freely: it is shown to the person who typed the words it quotes, and logged nowhere.
"""

from enum import StrEnum

from sendit.deid.errors import SENTENCES as REFUSAL_SENTENCES
from sendit.pixels.errors import SENTENCES as PIXEL_SENTENCES


class Code(StrEnum):
    """What went wrong, as one stable word for scripts, documents and dashboards."""

    # an image, found when its bytes are read
    NOT_DICOM = "not_dicom"
    EMPTY_FILE = "empty_file"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    MISSING_UID = "missing_uid"
    INVALID_UID = "invalid_uid"
    HEADER_TOO_LARGE = "header_too_large"
    INFLATED_TOO_LARGE = "inflated_too_large"
    UNSUPPORTED_TRANSFER_SYNTAX = "unsupported_transfer_syntax"
    NO_PIXEL_DATA = "no_pixel_data"
    PIXEL_DATA_TOO_SHORT = "pixel_data_too_short"
    PIXEL_DATA_TOO_LONG = "pixel_data_too_long"
    # an image, stopped by the gate
    GATE_UNREADABLE = "gate_unreadable"
    GATE_IDENTIFIER_LEFT = "gate_identifier_left"
    GATE_UID_MISMATCH = "gate_uid_mismatch"
    GATE_PIXELS_DIFFER = "gate_pixels_differ"
    # an image, found when its pixels are cleaned
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
    # a file of OUT, when it is to be shown
    FOREIGN_FILE = "foreign_file"
    NO_PICTURE = "no_picture"
    # a sign-off that is not recorded
    DIGEST_DIFFERS = "digest_differs"
    NOT_ALL_SHOWN = "not_all_shown"
    # an image, as an object of the staging area or of the output store
    NO_PSEUDONYM = "no_pseudonym"
    CHANGED_DURING_PROCESSING = "changed_during_processing"
    CONFLICT = "conflict"
    LINK = "link"
    PLACE_TAKEN = "place_taken"
    RESERVED_NAME = "reserved_name"
    SOURCE_GONE = "source_gone"
    SPECIAL_FILE = "special_file"
    TOO_LARGE = "too_large"
    UNFINISHED_FILE = "unfinished_file"
    UNREADABLE = "unreadable"
    UNREADABLE_FOLDER = "unreadable_folder"
    WORKER_CRASHED = "worker_crashed"
    OVER_BUDGET = "over_budget"
    INTERNAL_ERROR = "internal_error"
    # a batch
    NO_FILES = "no_files"
    BAD_MANIFEST = "bad_manifest"
    MANIFEST_OF_ANOTHER_KEY = "manifest_of_another_key"
    BAD_MAPPING = "bad_mapping"
    BATCH_OF_ANOTHER_KEY = "batch_of_another_key"
    RECORD_LOST = "record_lost"
    CONSERVATION = "conservation"
    OUT_OF_TIME = "out_of_time"
    ATTEMPTS_USED_UP = "attempts_used_up"
    # a marker or a message that is answered and not followed
    BAD_NAME = "bad_name"
    OVERLAP = "overlap"
    MALFORMED_MESSAGE = "malformed_message"
    NOT_A_MARKER = "not_a_marker"
    UNKNOWN_BATCH = "unknown_batch"
    ILLEGAL_TRANSITION = "illegal_transition"
    # the surroundings
    LEASE_HELD = "lease_held"
    LEASE_LOST = "lease_lost"
    WORKER_BUSY = "worker_busy"
    MAPPING_UNAVAILABLE = "mapping_unavailable"
    NO_SPACE = "no_space"
    STAGING_UNAVAILABLE = "staging_unavailable"
    STAGING_FORBIDDEN = "staging_forbidden"
    OUTPUT_UNAVAILABLE = "output_unavailable"
    OUTPUT_FORBIDDEN = "output_forbidden"
    OUTPUT_NOT_VERIFIED = "output_not_verified"
    OUTPUT_MISSING = "output_missing"
    STATUS_UNAVAILABLE = "status_unavailable"
    STATUS_FORBIDDEN = "status_forbidden"
    QUEUE_UNAVAILABLE = "queue_unavailable"
    QUEUE_FORBIDDEN = "queue_forbidden"
    QUOTA_EXCEEDED = "quota_exceeded"
    WORKERS_UNAVAILABLE = "workers_unavailable"
    PUSH_CUT_SHORT = "push_cut_short"
    # the caller
    BAD_SETTING = "bad_setting"
    BAD_RECIPE = "bad_recipe"
    UNKNOWN_SETTING = "unknown_setting"
    BAD_KEY = "bad_key"
    HOME_NOT_PRIVATE = "home_not_private"
    HOME_UNUSABLE = "home_unusable"
    FOLDERS_OVERLAP = "folders_overlap"
    SOURCE_MISSING = "source_missing"
    SOURCE_UNFINISHED = "source_unfinished"
    OUT_NOT_EMPTY = "out_not_empty"
    OUT_OF_ANOTHER_KEY = "out_of_another_key"
    OUT_OF_ANOTHER_PROFILE = "out_of_another_profile"
    OUT_OF_ANOTHER_TEXT = "out_of_another_text"
    OUT_OF_OTHER_IDENTIFIERS = "out_of_other_identifiers"
    OUT_UNUSABLE = "out_unusable"
    OUT_IDENTIFIED = "out_identified"
    RUN_IN_PROGRESS = "run_in_progress"
    NO_SUCH_RUN = "no_such_run"
    NO_SUCH_BATCH = "no_such_batch"
    BATCH_AT_WORK = "batch_at_work"
    NOT_CONFIGURED = "not_configured"
    IDENTIFIED_NOT_ALLOWED = "identified_not_allowed"
    EMULATOR_MISSING = "emulator_missing"
    EMULATOR_FAILED = "emulator_failed"


SENTENCES: dict[Code, str] = {
    **{Code(refusal.value): sentence for refusal, sentence in REFUSAL_SENTENCES.items()},
    **{Code(refusal.value): sentence for refusal, sentence in PIXEL_SENTENCES.items()},
    Code.FOREIGN_FILE: "This file was not written by sendit, so nothing of it is shown; take it out of OUT.",
    Code.NO_PICTURE: "The object is no image, as a structure set, plan or report is not: look at it with other means.",
    Code.DIGEST_DIFFERS: "The files below OUT are not those of this digest; nothing was recorded.",
    Code.NOT_ALL_SHOWN: "Something below OUT can be shown on no page; nothing was recorded.",
    Code.CHANGED_DURING_PROCESSING: "The file changed after the batch was frozen; the newer one was not read.",
    Code.NO_PSEUDONYM: "No line of SENDIT_MAPPING is for its patient (and issuer), or it says the id itself; add one.",
    Code.CONFLICT: "Another image with the same SOP Instance UID and other content is stored already.",
    Code.LINK: "This is a symbolic link, which is never followed; put the file itself into the batch.",
    Code.PLACE_TAKEN: "Its place in the output store is taken by something else, or its path is too long there.",
    Code.RESERVED_NAME: "The output store keeps this name for itself; give the file or its folder another one.",
    Code.SOURCE_GONE: "Its file is gone, perhaps deleted when the image was stored; to have it done again, upload it.",
    Code.SPECIAL_FILE: "This is a pipe, a socket or a device, not a file.",
    Code.TOO_LARGE: "The file is larger than SENDIT_MAX_IMAGE_BYTES; raise it, or take the file out of the batch.",
    Code.UNFINISHED_FILE: "A part of its path has an extension that starts with tmp: it is not finished.",
    Code.UNREADABLE: "The file cannot be read; check its permissions and the disk.",
    Code.UNREADABLE_FOLDER: "The folder cannot be listed; check its permissions. What it holds is not counted.",
    Code.WORKER_CRASHED: "Working on this image ended the worker process; it may need more memory.",
    Code.OVER_BUDGET: "Working on this image takes longer than an attempt may, SENDIT_BUDGET; sendit run has no limit.",
    Code.INTERNAL_ERROR: "A defect in sendit stopped this image; the log names the place in the code.",
    Code.NO_FILES: "The batch holds no files: its folder is gone or empty.",
    Code.BAD_MANIFEST: "The manifest of the batch cannot be read.",
    Code.MANIFEST_OF_ANOTHER_KEY: "The batch was frozen under another key or profile; go on with that one.",
    Code.BAD_MAPPING: "Line {line} of the table SENDIT_MAPPING is not right; mend it, then sendit retry.",
    Code.BATCH_OF_ANOTHER_KEY: "The batch's id is not its name's under this key; finalize and worker need the same.",
    Code.RECORD_LOST: "An image's record was removed from the status store while the batch was at work.",
    Code.CONSERVATION: "Found {found}, but stored {stored}, rejected {rejected}, errored {errored}: not equal.",
    Code.OUT_OF_TIME: "The time of an attempt, SENDIT_BUDGET, was up before one image was done.",
    Code.ATTEMPTS_USED_UP: "The batch was given up after {attempts} attempts; the last {failures} settled no image.",
    Code.BAD_NAME: "The batch's name is empty, too long, or has a part that is empty, '.' or '..'.",
    Code.OVERLAP: "The batch lies inside a known batch or around one; images would be handled twice.",
    Code.MALFORMED_MESSAGE: "The message is not one of sendit's; it was dropped.",
    Code.NOT_A_MARKER: "The event is not about a finalize marker of this staging area; there is nothing to do.",
    Code.UNKNOWN_BATCH: "The message names a batch that was never registered; it was dropped.",
    Code.ILLEGAL_TRANSITION: "The status store refused a change of state that the table does not allow.",
    Code.LEASE_HELD: "Another worker is at work on this batch.",
    Code.LEASE_LOST: "Another worker has taken this batch over; this one stopped.",
    Code.WORKER_BUSY: "This worker has as many batches as SENDIT_BATCHES_AT_ONCE lets it; the message comes again.",
    Code.MAPPING_UNAVAILABLE: "The table SENDIT_MAPPING is not there or cannot be read; run again when it is back.",
    Code.NO_SPACE: "No space is left; make room and run again: what is stored stays stored.",
    Code.STAGING_UNAVAILABLE: "The staging area cannot be read; run again when it is back.",
    Code.STAGING_FORBIDDEN: "The staging area may not be used with this permission or role; grant it, then run again.",
    Code.OUTPUT_UNAVAILABLE: "The output store cannot be written; run again when it is back.",
    Code.OUTPUT_FORBIDDEN: "The output store may not be used with this permission or role; grant it, then run again.",
    Code.OUTPUT_NOT_VERIFIED: "What was written does not read back the same; check the disk, then run again.",
    Code.OUTPUT_MISSING: "Stored images are gone from the output, or changed; their sources stay: sendit retry.",
    Code.STATUS_UNAVAILABLE: "The status store cannot be read or written; run again when it is back.",
    Code.PUSH_CUT_SHORT: "The connection broke before the whole message had come; it comes again.",
    Code.STATUS_FORBIDDEN: "Firestore may not be used with this role; grant roles/datastore.user, then run again.",
    Code.QUEUE_UNAVAILABLE: "The topic of batches cannot be reached or is not there; run again when it is back.",
    Code.QUEUE_FORBIDDEN: "Messages may not be published with this role; grant roles/pubsub.publisher, then run again.",
    Code.QUOTA_EXCEEDED: "A quota of Google Cloud is used up; have it raised, or run again when it is free.",
    Code.WORKERS_UNAVAILABLE: "Worker processes die as they start; there may be too little memory.",
    Code.BAD_RECIPE: "The recipe cannot be read.",
    Code.BAD_SETTING: "A setting has a value that does not fit.",
    Code.UNKNOWN_SETTING: "An environment variable starts with SENDIT_ and is no setting.",
    Code.BAD_KEY: "The project key cannot be used.",
    Code.HOME_NOT_PRIVATE: "SENDIT_HOME can be read by others.",
    Code.HOME_UNUSABLE: "SENDIT_HOME cannot be read or written.",
    Code.FOLDERS_OVERLAP: "SRC, OUT and SENDIT_HOME must lie apart from each other.",
    Code.SOURCE_MISSING: "SRC does not exist or is not a folder.",
    Code.SOURCE_UNFINISHED: "The name of SRC ends in .tmp…, so it is still being copied.",
    Code.OUT_NOT_EMPTY: "OUT holds files that sendit did not write.",
    Code.OUT_OF_ANOTHER_KEY: "OUT was written under another key.",
    Code.OUT_OF_ANOTHER_PROFILE: "OUT was written with another profile.",
    Code.OUT_OF_ANOTHER_TEXT: "In the images of OUT text was looked for, and now it is not, or the other way round.",
    Code.OUT_OF_OTHER_IDENTIFIERS: "The pseudonyms in OUT come from elsewhere, SENDIT_IDENTIFIERS.",
    Code.OUT_UNUSABLE: "OUT cannot be written.",
    Code.OUT_IDENTIFIED: "OUT holds images that were stored as they came, so no page may show them.",
    Code.RUN_IN_PROGRESS: "Another sendit is at work on this OUT.",
    Code.NO_SUCH_RUN: "No run is known for this OUT.",
    Code.NO_SUCH_BATCH: "No batch has this name or id.",
    Code.BATCH_AT_WORK: "The batch is queued or at work; wait until it rests.",
    Code.NOT_CONFIGURED: "A setting that is needed here is not set.",
    Code.IDENTIFIED_NOT_ALLOWED: "SENDIT_DEIDENTIFY=false, and this destination may not get identified images.",
    Code.EMULATOR_MISSING: "A program that the local cloud needs is not installed.",
    Code.EMULATOR_FAILED: "A part of the local cloud failed.",
}


class SenditError(Exception):
    """A stable code, the numbers that its sentence needs, and nothing else."""

    def __init__(self, code: Code, **facts: int) -> None:
        if not all(isinstance(fact, int) for fact in facts.values()):
            raise TypeError("an error's facts are whole numbers, so that no header value can travel in one")
        self.code = code
        self.facts = facts
        super().__init__(SENTENCES[code].format(**facts))

    @property
    def sentence(self) -> str:
        """One sentence for a person: what happened and, where there is one, the way out."""
        return str(self)

    def __reduce__(self) -> tuple[object, ...]:
        """Errors travel between worker processes."""
        return _rebuild, (type(self), self.code, self.facts)


def _rebuild(kind: type[SenditError], code: Code, facts: dict[str, int]) -> SenditError:
    return kind(code, **facts)


class Refused(SenditError):
    """A marker or message that is answered, recorded and not followed; a retry would change nothing."""


class ImageError(SenditError):
    """This image cannot be handled; it is recorded as ERROR and the rest of the batch goes on."""


class BatchError(SenditError):
    """The batch cannot go on whatever the attempt; it is recorded as ERROR and its files are kept."""


class TransientError(SenditError):
    """The surroundings failed; the attempt ends, and another one may succeed."""


class Busy(TransientError):
    """This process works on as many batches as it may."""

    def __init__(self, code: Code = Code.WORKER_BUSY, **facts: int) -> None:
        super().__init__(code, **facts)


class LeaseHeld(TransientError):
    """Another worker holds the batch's lease."""

    def __init__(self, code: Code = Code.LEASE_HELD, **facts: int) -> None:
        super().__init__(code, **facts)


class LeaseLost(TransientError):
    """The lease ran out and another worker took it; nothing more may be written under it."""

    def __init__(self, code: Code = Code.LEASE_LOST, **facts: int) -> None:
        super().__init__(code, **facts)


class UsageError(SenditError):
    """Whoever called can mend it. `hint` names the thing and the way out, for that person's eyes only."""

    def __init__(self, code: Code, hint: str = "") -> None:
        super().__init__(code)
        self.hint = hint

    @property
    def sentence(self) -> str:
        """The code's sentence and the hint."""
        return f"{self} {self.hint}".rstrip()

    def __reduce__(self) -> tuple[object, ...]:
        """The hint travels too."""
        return UsageError, (self.code, self.hint)

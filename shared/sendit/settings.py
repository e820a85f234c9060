"""One object with every setting, validated when it is made; each is an environment variable `SENDIT_…`."""

import difflib
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from sendit.address import parse_addresses
from sendit.crosswalk_settings import CrosswalkSettings, CrosswalkUse
from sendit.dasher_settings import DasherSettings
from sendit.durations import DAY, DaysOrNever, PositiveSeconds, SecondsOrNever, StatusDaysOrNever
from sendit.errors import Code, UsageError
from sendit.refs import GcsPlace

PREFIX = "SENDIT_"
MIB = 1024 * 1024
STREAM_ABOVE = 32 * MIB
"""Beyond this size an object of Cloud Storage is read in pieces, unless SENDIT_STREAM_ABOVE says otherwise."""


class BatchNames(StrEnum):
    """Whether folder names, which are often accession numbers, are written to the status store."""

    SHOW = "show"
    HIDE = "hide"


class IdentifierSource(StrEnum):
    """Where pseudonyms come from."""

    KEYED = "keyed"  # the project key
    MAPPING = "mapping"  # a coordinator's table
    DASHER = "dasher"  # an institution's service


class BurnedInText(StrEnum):
    """What is done about text that is found in pixels."""

    OFF = "off"  # none is looked for
    BLANK = "blank"
    REJECT = "reject"


class LogFormat(StrEnum):
    """How a log line looks."""

    AUTO = "auto"  # text on a terminal, JSON elsewhere
    JSON = "json"
    TEXT = "text"


class LogLevel(StrEnum):
    """The least severity that is logged."""

    AUTO = "auto"  # error on a terminal, info elsewhere
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


PositiveInt = Annotated[int, Field(gt=0)]


class Settings(CrosswalkSettings, DasherSettings):
    """Every setting of sendit, with its default. Made by `load`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    home: Annotated[Path, Field(description="where the key, the state and the manifests of this machine lie")] = Path(
        "~/.sendit"
    )
    key_file: Annotated[
        Path | None, Field(description="the project key; in the cloud a mounted secret, else key in SENDIT_HOME")
    ] = None
    staging: Annotated[str, Field(description="gs://bucket[/prefix] where uploaders put batches")] = ""
    output: Annotated[str, Field(description="gs://bucket[/prefix] for the results of the worker function")] = ""
    destinations: Annotated[
        str,
        Field(description="where stored images go on to, separated by commas: see docs/destinations.md"),
    ] = ""
    batches_topic: Annotated[str, Field(description="the Pub/Sub topic with one message a batch")] = "batches"
    dead_letters: Annotated[
        str, Field(description="the Pub/Sub subscription that keeps dead letters for sendit dead-letters")
    ] = "dead-letters-kept"
    database: Annotated[str, Field(description="the Firestore database of the status documents")] = "(default)"
    deidentify: Annotated[
        bool, Field(description="false stores images unchanged, only in SENDIT_IDENTIFIED_DESTINATIONS")
    ] = True
    identified_destinations: Annotated[
        str, Field(description="folders and gs:// addresses that may get identified images, separated by commas")
    ] = ""
    profile: Annotated[
        str, Field(description="de-identification profile: research, basic, strict, or the path of a TOML file")
    ] = "research"
    study: Annotated[
        str,
        Field(
            pattern="^[A-Za-z0-9._-]{0,64}$",
            description="the research study; images of one and the same patient in two studies have nothing in common",
        ),
    ] = ""
    identifiers: Annotated[
        IdentifierSource,
        Field(description="where pseudonyms come from: keyed (the project key), mapping (a table), dasher (a service)"),
    ] = IdentifierSource.KEYED
    mapping: Annotated[
        str, Field(description="the path, in the cloud also a gs:// address, of the table of pseudonyms (CSV, TSV)")
    ] = ""
    rules: Annotated[
        str, Field(description="the path of a TOML file of rules by which images are screened; empty: those shipped")
    ] = ""
    text: Annotated[
        BurnedInText, Field(description="off, or what is done about text in pixels: blank it, or reject the image")
    ] = BurnedInText.OFF
    workers: Annotated[
        int, Field(ge=0, le=256, description="worker processes of a local run; 0: one per processor")
    ] = 0
    threads: Annotated[
        int, Field(ge=1, le=256, description="images that a worker process of the function works on at one time")
    ] = 8
    batches_at_once: Annotated[
        PositiveInt, Field(description="batches that a worker function works on at one time")
    ] = 1
    batch_names: Annotated[
        BatchNames, Field(description="show or hide folder names in the status store and on pages")
    ] = BatchNames.SHOW
    in_flight_bytes: Annotated[PositiveInt, Field(description="bytes of images handed to workers at one time")] = (
        256 * MIB
    )
    stream_above: Annotated[
        int, Field(ge=0, description="size above which an object of Cloud Storage is read in pieces, not whole")
    ] = STREAM_ABOVE
    max_header_bytes: Annotated[
        PositiveInt, Field(description="largest size of everything in a file that is not pixel data")
    ] = 64 * MIB
    max_image_bytes: Annotated[PositiveInt, Field(description="largest size of a file; a larger one is an error")] = (
        4096 * MIB
    )
    max_inflated_bytes: Annotated[
        PositiveInt, Field(description="largest size to which a deflated data set may grow")
    ] = 512 * MIB
    lease_ttl: Annotated[
        PositiveSeconds, Field(description="seconds after which a silent worker's batch may be taken over")
    ] = 90.0
    lease_heartbeat: Annotated[PositiveSeconds, Field(description="seconds between two renewals of the lease")] = 20.0
    budget: Annotated[
        PositiveSeconds,
        Field(description="seconds that an attempt of the worker function may take; the next goes on"),
    ] = 480.0
    max_attempts: Annotated[
        PositiveInt, Field(description="attempts in a row that settle no image, after which a batch is given up")
    ] = 20
    requeue_after: Annotated[
        PositiveSeconds, Field(description="seconds of silence after which a batch's message is published again")
    ] = 1200.0
    keep_sources: Annotated[
        SecondsOrNever,
        Field(description="seconds that sources of stored images are kept in the cloud; or never"),
    ] = 0.0
    keep_manifests: Annotated[
        DaysOrNever,
        Field(description="days that manifests and reports are kept of a batch of which nothing is staged; or never"),
    ] = None
    keep_status: Annotated[
        StatusDaysOrNever,
        Field(description="days, 8 at least, that status documents are kept of such a batch; or never"),
    ] = None
    report_after: Annotated[
        PositiveSeconds, Field(description="seconds after which a staged folder without a marker is reported")
    ] = DAY
    log_format: Annotated[LogFormat, Field(description="auto (text on a terminal, JSON elsewhere), json or text")] = (
        LogFormat.AUTO
    )
    log_level: Annotated[
        LogLevel, Field(description="auto (error on a terminal, else info), debug, info, warning, error")
    ] = LogLevel.AUTO

    @field_validator("home", mode="before")
    @classmethod
    def _named(cls, home: object) -> object:
        if home == "":
            raise ValueError("must not be empty")
        return home

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return Path(os.path.abspath(home.expanduser()))  # noqa: PTH100  links stay, to be checked later

    @field_validator("staging", "output")
    @classmethod
    def _in_cloud_storage(cls, place: str) -> str:
        return str(GcsPlace.parse(place)) if place else ""

    @field_validator("destinations")
    @classmethod
    def _addresses(cls, text: str) -> str:
        parse_addresses(text)
        return text

    @field_validator("mapping")
    @classmethod
    def _an_object_or_a_file(cls, place: str) -> str:
        if place.startswith("gs://") and not GcsPlace.parse(place).prefix:
            raise ValueError("must look like gs://bucket/object, or be the path of a file")
        return place

    @model_validator(mode="after")
    def _heartbeat_is_shorter_than_lease(self) -> Self:
        if self.lease_heartbeat >= self.lease_ttl:
            raise ValueError("SENDIT_LEASE_HEARTBEAT must be shorter than SENDIT_LEASE_TTL")
        return self

    @model_validator(mode="after")
    def _what_gives_pseudonyms_is_named(self) -> Self:
        if bool(self.mapping) != (self.identifiers is IdentifierSource.MAPPING):
            raise ValueError("SENDIT_MAPPING and SENDIT_IDENTIFIERS=mapping go together")
        self.check_dasher(chosen=self.identifiers is IdentifierSource.DASHER, study=self.study)
        return self

    @model_validator(mode="after")
    def _a_crosswalk_lies_apart_and_has_something_to_say(self) -> Self:
        if self.crosswalk_database == self.database:
            raise ValueError("SENDIT_CROSSWALK_DATABASE must be another database than SENDIT_DATABASE")
        if self.crosswalk is CrosswalkUse.ON and not self.deidentify:
            raise ValueError("SENDIT_CROSSWALK=on: nothing is replaced under SENDIT_DEIDENTIFY=false")
        return self

    def check_destination(self, destination: str | Path) -> None:
        """Raise `UsageError` (identified_not_allowed) if images would go there with their identities, unlisted."""
        if self.deidentify:
            return
        allowed = [item.strip() for item in self.identified_destinations.split(",")]
        if _canonical(str(destination)) not in {_canonical(item) for item in allowed if item}:
            raise UsageError(
                Code.IDENTIFIED_NOT_ALLOWED, f"If it may, add {destination} to SENDIT_IDENTIFIED_DESTINATIONS."
            )

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """The settings of this process.

        Raises `UsageError`: unknown_setting, with the nearest name there is, or bad_setting, with the reason.
        No value is quoted: one of them may be a secret.
        """
        environ = os.environ if environ is None else environ
        known = {f"{PREFIX}{name.upper()}": name for name in cls.model_fields}
        given = {name: value for name, value in environ.items() if name.upper().startswith(PREFIX)}
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.0)
                raise UsageError(Code.UNKNOWN_SETTING, f"{name}: did you mean {near[0]}?")
        try:
            return cls.model_validate({known[name]: value for name, value in given.items()})
        except ValidationError as error:
            reasons = [
                f"{PREFIX}{'_'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
                if fault["loc"]
                else fault["msg"]
                for fault in error.errors(include_input=False, include_url=False)
            ]
            raise UsageError(Code.BAD_SETTING, "; ".join(reasons)) from None


def _canonical(destination: str) -> str:
    if destination.startswith("gs://"):
        return destination.rstrip("/")
    return os.path.realpath(Path(destination).expanduser())

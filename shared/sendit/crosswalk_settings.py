"""The settings of the crosswalk: whether what was replaced by what is kept, how long, where and under which key."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from sendit.durations import DaysOrNever

_KMS_KEY = r"^(projects/[^/\s]+/locations/[^/\s]+/keyRings/[\w-]+/cryptoKeys/[\w-]+)?$"


class CrosswalkUse(StrEnum):
    """Whether what was replaced by what is kept."""

    OFF = "off"
    ON = "on"


class CrosswalkSettings(BaseModel):
    """A part of `sendit.settings.Settings`."""

    crosswalk: Annotated[
        CrosswalkUse, Field(description="on keeps, encrypted, what was replaced by what, for sendit reidentify")
    ] = CrosswalkUse.OFF
    crosswalk_days: Annotated[DaysOrNever, Field(description="days after which an entry expires; or never")] = None
    crosswalk_database: Annotated[
        str, Field(min_length=1, description="the Firestore database of the crosswalk; not that of the status")
    ] = "crosswalk"
    crosswalk_key_file: Annotated[
        Path | None, Field(description="in the cloud the crosswalk's key, a mounted secret, encrypted by Cloud KMS")
    ] = None
    crosswalk_kms_key: Annotated[
        str, Field(pattern=_KMS_KEY, description="projects/…/cryptoKeys/…, which decrypts SENDIT_CROSSWALK_KEY_FILE")
    ] = ""

    @model_validator(mode="after")
    def _a_wrapped_key_and_what_unwraps_it(self) -> Self:
        if (self.crosswalk_key_file is None) != (not self.crosswalk_kms_key):
            raise ValueError("SENDIT_CROSSWALK_KEY_FILE and SENDIT_CROSSWALK_KMS_KEY go together")
        return self

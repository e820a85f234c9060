"""Settings that are times: how they are read, and what no clock can add is refused."""

from typing import Annotated

from pydantic import BeforeValidator, Field

DAY = 86_400.0
"""In seconds."""

_LONGEST_DAYS = 36_500
_MESSAGE_DAYS = 8
"""Pub/Sub keeps what was not acknowledged for up to seven days: until then a marker's event may come again."""

_NEVER = {"", "never"}


def _or_never(value: object) -> object:
    return None if isinstance(value, str) and value.strip().lower() in _NEVER else value


_Seconds = Annotated[float, Field(ge=0, le=_LONGEST_DAYS * DAY, allow_inf_nan=False)]
_Days = Annotated[float, Field(gt=0, le=_LONGEST_DAYS, allow_inf_nan=False)]
_StatusDays = Annotated[float, Field(ge=_MESSAGE_DAYS, le=_LONGEST_DAYS, allow_inf_nan=False)]

PositiveSeconds = Annotated[float, Field(gt=0, le=_LONGEST_DAYS * DAY, allow_inf_nan=False)]
SecondsOrNever = Annotated[_Seconds | None, BeforeValidator(_or_never)]
DaysOrNever = Annotated[_Days | None, BeforeValidator(_or_never)]
StatusDaysOrNever = Annotated[_StatusDays | None, BeforeValidator(_or_never)]

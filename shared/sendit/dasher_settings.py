"""The settings of the identifier service `dasher`, apart for their length."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
ANY_ISSUER = "*"


class DasherSettings(BaseModel):
    """Where the service is, how it is spoken to, and what it calls a Patient ID and an Accession Number."""

    dasher_url: Annotated[str, Field(description="the identifier service, to which /STUDY is added; https")] = ""
    dasher_token_file: Annotated[Path | None, Field(description="its bearer token, a mounted secret")] = None
    dasher_token_url: Annotated[
        str, Field(description="where OAuth 2.0 gives a new token for the refresh token; https")
    ] = ""
    dasher_refresh_token_file: Annotated[Path | None, Field(description="that refresh token, a mounted secret")] = None
    dasher_patient_source: Annotated[
        str, Field(min_length=1, description="the id_source of a Patient ID without an issuer")
    ] = "Stanford MRN"
    dasher_accession_source: Annotated[str, Field(min_length=1, description="the id_source of an Accession Number")] = (
        "DCM Accession #"
    )
    dasher_issuers: Annotated[
        str, Field(description="ISSUER=id_source of Patient IDs with an issuer, separated by commas; * for any other")
    ] = ""
    dasher_timeout: Annotated[
        float, Field(gt=0, le=3600, allow_inf_nan=False, description="seconds that the service may take for an answer")
    ] = 30.0

    @field_validator("dasher_url", "dasher_token_url")
    @classmethod
    def _is_not_overheard(cls, address: str) -> str:
        if not address:
            return ""
        parts = urlsplit(address)
        plain = not (parts.query or parts.fragment or parts.username is not None or parts.password is not None)
        safe = parts.scheme == "https" or (parts.scheme == "http" and is_here(address))
        if not (parts.hostname and plain and safe and address.isascii() and address.isprintable()):
            raise ValueError("must look like https://host/path; http is for this machine alone")
        return address.rstrip("/")

    @field_validator("dasher_issuers")
    @classmethod
    def _is_a_list_of_pairs(cls, issuers: str) -> str:
        issuer_sources(issuers)
        return issuers

    def check_dasher(self, *, chosen: bool, study: str) -> None:
        """Raise ValueError unless the settings of the service are all there where it is chosen, and none elsewhere."""
        needed = (self.dasher_url, self.dasher_token_file)
        if chosen != any(needed) or (chosen and not all(needed)):
            raise ValueError("SENDIT_IDENTIFIERS=dasher, SENDIT_DASHER_URL and SENDIT_DASHER_TOKEN_FILE go together")
        if chosen and not study.strip("."):
            raise ValueError("SENDIT_IDENTIFIERS=dasher needs SENDIT_STUDY, the study's name at the service")
        if bool(self.dasher_token_url) != (self.dasher_refresh_token_file is not None):
            raise ValueError("SENDIT_DASHER_TOKEN_URL and SENDIT_DASHER_REFRESH_TOKEN_FILE go together")


def is_here(address: str) -> bool:
    """Whether an address is one of this machine, so that nobody can overhear what is sent there."""
    return urlsplit(address).hostname in _HERE


def issuer_sources(text: str) -> dict[str, str]:
    """The id_source of each issuer, from `ISSUER=id_source,…`. Raises ValueError."""
    sources: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else ():
        issuer, equals, source = (part.strip() for part in pair.rpartition("="))
        if not (issuer and equals and source) or issuer in sources:
            raise ValueError("must be ISSUER=id_source, separated by commas, each issuer once")
        sources[issuer] = source
    return sources

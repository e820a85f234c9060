"""QIDO-RS: which instances of a series a server shows, and how many (PS3.18 10.6)."""

from collections.abc import Collection
from functools import partial

from sendit.adapters.dicomweb_link import JSON, Link, Setback
from sendit.errors import Code, DestinationError

_PAGE = 1000
_MOST = 1_000_000  # of a series; a server that shows more makes them up
_OK, _NO_CONTENT, _NOT_FOUND = 200, 204, 404
_SOP_INSTANCE_UID, _SERIES, _NUMBER = "00080018", "0020000E", "00201209"
_HEADERS = {"Accept": JSON}


def listed(link: Link, series_path: str, wanted: Collection[str] | None = None) -> set[str]:
    """SOP Instance UIDs that the server shows of a series: all of them, or no more once it has shown what is wanted.

    Servers give fewer at a time than they are asked for, and some all of them whatever they are asked.
    Raises `Setback` and `DestinationError` as `Link.asked` does.
    """
    shown: set[str] = set()
    offset = 0
    while offset < _MOST:
        page = link.patiently(partial(_page, link, f"{series_path}/instances", offset))
        offset += len(page)
        if shown.issuperset(page):
            break
        shown.update(page)
        if wanted is not None and shown.issuperset(wanted):
            break
    return shown


def number_listed(link: Link, study: str, series: str) -> int:
    """Number of Series Related Instances (0020,1209), as the server shows it; 0 if it does not.

    Raises `Setback` and `DestinationError`.
    """
    return link.patiently(partial(_number, link, study, series))


def _number(link: Link, study: str, series: str) -> int:
    query = {"SeriesInstanceUID": series, "includefield": _NUMBER}
    with link.asked("GET", f"/studies/{study}/series", _HEADERS, query=query, also=(_NOT_FOUND,)) as response:
        found = link.parsed(response) if response.status_code == _OK else []
    try:
        return sum(int(item[_NUMBER]["Value"][0]) for item in found if item[_SERIES]["Value"] == [series])
    except (KeyError, IndexError, TypeError, ValueError):
        return 0


def _page(link: Link, path: str, offset: int, limit: int = _PAGE) -> list[str]:
    query = {"limit": limit, "offset": offset}
    with link.asked("GET", path, _HEADERS, query=query, also=(_NOT_FOUND,)) as response:
        if response.status_code == _NO_CONTENT:
            return []
        if response.status_code != _NOT_FOUND:
            if "json" not in response.headers.get("Content-Type", "").lower():
                raise DestinationError(Code.DESTINATION_UNUSABLE)
            return _uids(link.parsed(response))
    _check(link)
    return []


def _check(link: Link) -> None:
    """Raise `DestinationError` (destination_unusable) unless there is a DICOMweb server at the address.

    Some answer 404 where there is nothing of a study yet, and so does everybody who is no DICOMweb server.
    """
    with link.asked("GET", "/studies", _HEADERS, query={"limit": 1}):
        return


def _uids(page: object) -> list[str]:
    if not isinstance(page, list):
        raise Setback
    try:
        return [str(item[_SOP_INSTANCE_UID]["Value"][0]) for item in page]
    except (KeyError, IndexError, TypeError):
        raise Setback from None

"""QIDO-RS: which instances of a series a server shows (PS3.18 10.6)."""

from collections.abc import Collection
from functools import partial

from sendit.adapters.dicomweb_link import JSON, Link, Setback
from sendit.errors import Code, DestinationError

_PAGE = 1000
_MOST = 1_000_000  # of a series; a server that shows more makes them up
_NOT_FOUND, _NO_CONTENT = 404, 204
_SOP_INSTANCE_UID = "00080018"
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

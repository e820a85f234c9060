"""How destinations are written down."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendit.address import Address, Kind, parse_addresses


@pytest.mark.parametrize(
    ("text", "kind", "place", "name"),
    [
        ("/data/out/", Kind.FOLDER, "/data/out", "/data/out"),
        ("gs://bucket/some/prefix/", Kind.BUCKET, "gs://bucket/some/prefix", "gs://bucket/some/prefix"),
        ("archive+gs://bucket", Kind.BUCKET, "gs://bucket", "archive+gs://bucket"),
        ("archive+/data", Kind.FOLDER, "/data", "archive+/data"),
        (
            "dicomweb+http://user:p%40ss@localhost:8042/dicom-web/",
            Kind.DICOMWEB,
            "http://localhost:8042/dicom-web",
            "dicomweb+http://localhost:8042/dicom-web",
        ),
        ("dicomweb+https://[::1]:8042/dw", Kind.DICOMWEB, "https://[::1]:8042/dw", "dicomweb+https://[::1]:8042/dw"),
        (
            "projects/p/locations/europe-west6/datasets/d/dicomStores/s/",
            Kind.DICOMWEB,
            "https://healthcare.googleapis.com/v1/projects/p/locations/europe-west6/datasets/d/dicomStores/s/dicomWeb",
            "projects/p/locations/europe-west6/datasets/d/dicomStores/s",
        ),
    ],
)
def test_each_form_is_understood(text: str, kind: Kind, place: str, name: str) -> None:
    address = Address.parse(text)
    assert (address.kind, address.place, address.name) == (kind, place, name)
    assert address.archive is text.startswith("archive+")


def test_a_relative_folder_is_below_the_one_where_it_is_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Address.parse("out").place == str(tmp_path / "out")


def test_credentials_are_no_part_of_a_name_nor_of_what_is_shown() -> None:
    address = Address.parse("dicomweb+https://us%3Aer:pass%23word@host/dicom-web#verify=content")
    assert (address.user, address.password) == ("us:er", "pass#word")
    assert address.options == {"verify": "content"}
    assert "pass" not in f"{address.name}{address.place}{address!r}"


def test_what_decides_where_images_lie_is_a_part_of_the_name() -> None:
    names = [address.name for address in parse_addresses("/a, /a#layout={sop_uid}.dcm, archive+/a#collection=X")]
    assert names == ["/a", "/a#layout={sop_uid}.dcm", "archive+/a#collection=X"]
    assert Address.parse("/a#layout={sop_uid}.dcm").where == "/a"


def test_a_folder_may_have_an_at_sign_where_it_can_be_nothing_else() -> None:
    assert Address.parse("./me@site").place.endswith("/me@site")
    assert Address.parse("/data/me@site").place == "/data/me@site"


def test_the_healthcare_api_is_asked_with_googles_credentials() -> None:
    assert Address.parse("projects/p/locations/l/datasets/d/dicomStores/s").options["auth"] == "google"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#layout=x",
        "https://host/dicom-web",
        "archive+dicomweb+https://host/dicom-web",
        "archive+https://host",
        "dicomweb+ftp://canary",
        "dicomweb+https://",
        "dicomweb+https://host:canary/",
        "dicomweb+https://host/?canary=1",
        "dicomweb+https://user:canary@host/path#layout=x",
        "dicomweb+https://user:can#ary@host/path",
        "user:canary@host/dicom-web",
        "http:/u:canary@host/d",
        "https//u:canary@host/d",
        "dicomweb:http://u:canary@host/d",
        '"dicomweb+http://u:canary@host/d"',
        "dicomweb + http://u:canary@host/d",
        "QZX,canary@host/d",
        "dicomweb+http://u:12/canary@host/d",
        "dicomweb+http://host/d;token=canary",
        "/data/projects/p/locations/l/datasets/d/dicomStores/canary/x",
        "dicomwebhttps://user:canary@host/dicom-web",
        "gs://b/canary/../x",
        "gs://bucket#canary",
        "folder#canary=1",
        "a\0canary",
    ],
)
def test_what_is_no_address_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(ValueError) as refusal:
        Address.parse(text)
    assert "canary" not in str(refusal.value)
    assert "ary@" not in str(refusal.value)


def test_addresses_are_separated_by_commas_and_line_ends() -> None:
    names = [address.name for address in parse_addresses(" /a, gs://bucket\n\narchive+/a ,")]
    assert names == ["/a", "gs://bucket", "archive+/a"]
    assert parse_addresses("") == ()


def test_one_place_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        parse_addresses("dicomweb+https://u:p@host/x, dicomweb+https://host/x/")


@given(st.text())
def test_hostile_text_is_an_address_or_a_value_error(text: str) -> None:
    try:
        address = Address.parse(text)
    except ValueError:
        return
    assert address.place
    assert "\0" not in address.place

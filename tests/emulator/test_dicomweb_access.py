"""Tokens, Google's credentials and certificates, each against a real server."""

import json
import os
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.contract.destinations import Images
from tests.orthanc import IN_URL, PASSWORD, USER, Archive
from tests.tampering import Answered, Asked, Forward, Tampering, tampering

import sendit.address
from sendit.adapters.dicomweb_auth import Nobody
from sendit.adapters.dicomweb_destination import DicomwebDestination, dicomweb_destination
from sendit.address import Address
from sendit.emulators.certificate import write_certificate
from sendit.errors import Code, DestinationError

BASIC = f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"


@pytest.fixture
def images(tmp_path: Path) -> Images:
    return Images(tmp_path / "out")


@pytest.fixture
def proxy(archive: Archive) -> Iterator[Tampering]:
    """Lets in who has the token `good`, and gives it to whom it is asked by."""
    with tampering(archive.host) as proxy:

        def tamper(asked: Asked, forward: Forward) -> Answered:
            if asked.path == "/token":
                return Answered(200, json.dumps({"access_token": "good", "expires_in": 3600}).encode())
            if asked.headers.get("Authorization") != "Bearer good":
                return Answered(401)
            return forward(replace(asked, headers={**asked.headers, "Authorization": BASIC}))

        proxy.tamper = tamper
        yield proxy


def as_google(proxy: Tampering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Application default credentials of a service account whose tokens the proxy gives."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {
        "type": "service_account",
        "client_email": "sender@project.iam.gserviceaccount.com",
        "token_uri": f"http://{proxy.host}/token",
        "private_key": pem.decode(),
        "project_id": "project",
    }
    (tmp_path / "account.json").write_text(json.dumps(account), "utf-8")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))


def sent(to: DicomwebDestination, images: Images) -> list[Code | None]:
    return [receipt.code for receipt in to.send(images.some(2), images.output)]


def by_token(proxy: Tampering, token: Path) -> DicomwebDestination:
    return dicomweb_destination(Address.parse(f"dicomweb+http://{proxy.host}/dicom-web#token-file={token}"))


def test_a_token_is_read_again_when_it_has_run_out(proxy: Tampering, images: Images, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old", "utf-8")
    destination = by_token(proxy, token)
    token.write_text("good", "utf-8")
    assert sent(destination, images) == [None] * 2
    assert [asked.headers["Authorization"] for asked in proxy.asked[:2]] == ["Bearer old", "Bearer good"]


@pytest.mark.parametrize("there", [True, False])
def test_a_token_that_stays_wrong_is_refused(proxy: Tampering, images: Images, tmp_path: Path, there: bool) -> None:
    token = tmp_path / "token"
    token.write_text("old", "utf-8")
    destination = by_token(proxy, token)
    if not there:
        token.unlink()
    with pytest.raises(DestinationError) as error:
        sent(destination, images)
    assert error.value.code is Code.DESTINATION_REFUSED


def test_googles_credentials_are_used_and_go_nowhere_else(
    proxy: Tampering, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_google(proxy, tmp_path, monkeypatch)
    destination = dicomweb_destination(Address.parse(f"dicomweb+http://{proxy.host}/dicom-web#auth=google"))
    assert sent(destination, images) == [None] * 2
    assert [asked.path for asked in proxy.asked].count("/token") == 1


def test_a_certificate_must_be_trusted(
    archive: Archive, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    write_certificate(certificate, key)
    with tampering(archive.host, (certificate, key)) as proxy:
        proxy.tamper = lambda asked, forward: forward(replace(asked, headers={**asked.headers, "Authorization": BASIC}))
        destination = DicomwebDestination(f"https://{proxy.host}/dicom-web", "archive", Nobody())
        with pytest.raises(DestinationError) as error:
            sent(destination, images)
        assert error.value.code is Code.DESTINATION_UNUSABLE
        assert not proxy.asked
        monkeypatch.setitem(os.environ, "REQUESTS_CA_BUNDLE", str(certificate))
        assert sent(destination, images) == [None] * 2


def documented() -> list[str]:
    """The addresses of DICOMweb servers that the document shows."""
    text = (Path(__file__).resolve().parents[2] / "docs/destinations.md").read_text("utf-8")
    section = text.partition("\n## DICOMweb\n")[2]
    return re.findall(r"```\n(\S+)\n```", section)


def test_what_the_document_shows_can_be_sent_to(
    proxy: Tampering, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each as it stands there, but for the host, the names of files, and what Orthanc's user is called here."""
    by_password, by_file, by_token, healthcare = documented()
    for name, secret in (("orthanc", PASSWORD), ("token", "good")):
        (tmp_path / name).write_text(f"{secret}\n", "utf-8")
    as_google(proxy, tmp_path, monkeypatch)
    monkeypatch.setattr(sendit.address, "_HEALTHCARE_API", f"http://{proxy.host}/v1/")
    own = re.compile(r"^/(dcm4chee-arc/aets/DCM4CHEE/rs|v1/projects/.+?/dicomWeb)")
    let_in = proxy.tamper

    def tamper(asked: Asked, forward: Forward) -> Answered | None:
        asked = replace(asked, path=own.sub("/dicom-web", asked.path))
        return forward(asked) if asked.headers.get("Authorization") == BASIC else let_in(asked, forward)

    proxy.tamper = tamper
    there = {
        by_password: by_password.replace("sendit:secret@127.0.0.1:8042", f"{IN_URL}@{proxy.host}"),
        by_file: by_file.replace("127.0.0.1:8042", proxy.host),
        by_token: by_token.replace("https://pacs.example.org", f"http://{proxy.host}"),
        healthcare: healthcare,
    }
    for shown, address in there.items():
        here = address.replace("/run/secrets", str(tmp_path))
        assert sent(dicomweb_destination(Address.parse(here)), images) == [None] * 2, shown
    assert len([asked for asked in proxy.asked if asked.method == "POST" and asked.path.endswith("/studies")]) == 4

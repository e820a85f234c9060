"""What an address says of who asks, and how much is proved."""

from pathlib import Path

import pytest
from requests import Request

from sendit.adapters.dicomweb_auth import authentication
from sendit.adapters.dicomweb_destination import dicomweb_destination
from sendit.address import Address
from sendit.errors import Code, UsageError

HOST = "archive.example/dicom-web"


def header(text: str) -> str | bytes | None:
    request = Request("GET", f"https://{HOST}", auth=authentication(Address.parse(text))).prepare()
    return request.headers.get("Authorization")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("s3:cret\n", "utf-8")
    return path


def test_each_way_puts_its_own_into_the_header(secret: Path) -> None:
    assert header(f"dicomweb+https://{HOST}") is None
    assert header(f"dicomweb+https://us%40er:s3%3Acret@{HOST}") == "Basic dXNAZXI6czM6Y3JldA=="
    assert header(f"dicomweb+https://us%40er@{HOST}#password-file={secret}") == "Basic dXNAZXI6czM6Y3JldA=="
    assert header(f"dicomweb+https://{HOST}#token-file={secret}") == "Bearer s3:cret"


def test_a_netrc_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine archive.example login a password b\n", "utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    assert header(f"dicomweb+https://{HOST}") is None


@pytest.mark.parametrize(
    "text",
    [
        f"dicomweb+https://{HOST}#auth=azure",
        f"dicomweb+https://{HOST}#verify=perhaps",
        f"dicomweb+https://{HOST}#password-file=SECRET",
        f"dicomweb+https://user:password@{HOST}#password-file=SECRET",
        f"dicomweb+https://user:password@{HOST}#token-file=SECRET",
        f"dicomweb+https://{HOST}#token-file=SECRET&auth=google",
        f"dicomweb+https://{HOST}#token-file=MISSING",
        f"dicomweb+https://{HOST}#token-file=",
    ],
)
def test_what_does_not_fit_is_said_and_no_secret_is(text: str, secret: Path) -> None:
    with pytest.raises(UsageError) as error:
        dicomweb_destination(Address.parse(text.replace("SECRET", str(secret))))
    assert error.value.code is Code.BAD_SETTING
    assert "cret" not in error.value.sentence.replace("the secret", "")
    assert "password@" not in error.value.sentence


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines\n", b"\xff\xfe", b"x" * 70_000])
def test_a_file_holds_one_secret(content: bytes, secret: Path) -> None:
    secret.write_bytes(content)
    with pytest.raises(UsageError):
        dicomweb_destination(Address.parse(f"dicomweb+https://{HOST}#token-file={secret}"))


def test_google_without_credentials_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(UsageError) as error:
        dicomweb_destination(Address.parse("projects/p/locations/l/datasets/d/dicomStores/s"))
    assert error.value.code is Code.NOT_CONFIGURED

"""Where pseudonyms come from, as docs/identifiers.md says, through the installed program."""

import io
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from tests.dasher import Dasher, Fault, dasher, jitter_of, suid_of
from tests.data import objects
from tests.laptop.conftest import Answer, Sendit, images_in

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/identifiers.md"
ISSUED = "CANARY-HOSPITAL"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.+?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)


def a_file(path: Path, patient: str, number: int, issuer: str = "") -> None:
    dataset = objects.ct(number)
    dataset.PatientID, dataset.StudyDate, dataset.AccessionNumber = patient, "20240215", f"ACC-{patient}"
    dataset.StudyInstanceUID = f"1.2.826.0.1.{sum(patient.encode())}"
    dataset.IssuerOfPatientID = issuer
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(objects.to_bytes(dataset))


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    """One batch of two patients."""
    for number, patient in enumerate(("PAT-1", "PAT-2", "PAT-1"), 1):
        a_file(tmp_path / f"incoming/ST-1/{number}", patient, number)
    return tmp_path / "incoming"


def run_as_described(sendit: Sendit, command: str, folder: Path, *more: str, service: str = "") -> Answer:
    """What a reader of the document would type, in this folder."""
    *settings, program, verb, source, out = (word for word in command.split() if word != "\\")
    assert (program, verb) == ("sendit", "run")
    given = dict(one.split("=", 1) for one in settings)
    for file in ("SENDIT_MAPPING", "SENDIT_DASHER_TOKEN_FILE"):
        if file in given:
            given[file] = str(folder / given[file])
    given |= {"SENDIT_DASHER_URL": service, "SENDIT_WORKERS": "1"} if service else {}
    return sendit("run", "--workers", "1", folder / source, folder / out, *more, **given)


def outputs(out: Path) -> list[Dataset]:
    return [dcmread(io.BytesIO(data)) for data in images_in(out).values()]


def test_each_image_gets_its_own_patients_line_of_the_table(sendit: Sendit, incoming: Path, home: Path) -> None:
    folder = incoming.parent
    ((table,), (_, command, _)) = blocks("csv"), blocks("sh")
    (folder / "patients.csv").write_text(table)
    a_file(incoming / "ST-1/4", "PAT-3", 4)
    a_file(incoming / "ST-1/5", "PAT-1", 5, issuer=ISSUED)
    answer = run_as_described(sendit, command, folder)
    assert answer.status == 3, answer.stderr
    assert [row["what"] for row in sendit("errors", "--json").json] == ["no_pseudonym"] * 2
    found = outputs(folder / "out")
    assert sorted(str(image.PatientID) for image in found) == ["SUBJ-001", "SUBJ-001", "SUBJ-002"]
    assert all(str(image.PatientName) == image.PatientID for image in found)
    assert {name.split("/")[0] for name in images_in(folder / "out")} == {"SUBJ-001", "SUBJ-002"}
    assert len({image.AccessionNumber for image in found}) == 2
    shifted = {str(image.PatientID): datetime.strptime(image.StudyDate, "%Y%m%d") for image in found}  # noqa: DTZ007
    assert datetime(2024, 2, 15) - shifted["SUBJ-001"] == timedelta(days=17)  # noqa: DTZ001
    assert datetime(2024, 2, 15) - shifted["SUBJ-002"] >= timedelta(days=1)  # noqa: DTZ001

    (folder / "patients.csv").write_text(f"id,pseudonym,issuer,shift\nPAT-1,SUBJ-001,,17\nPAT-1,S4,{ISSUED},\n"
                                         "PAT-2,SUBJ-002,,\nPAT-3,S3,*,\n")  # fmt: skip
    again = run_as_described(sendit, command, folder, "--retry", "failed")
    assert again.status == 0, again.stderr
    assert sorted(str(image.PatientID) for image in outputs(folder / "out")) == ["S3", "S4"] + ["SUBJ-001"] * 2 + [
        "SUBJ-002"
    ]
    said = answer.stdout + answer.stderr + again.stdout + again.stderr
    written = b"".join(path.read_bytes() for path in [*home.rglob("*"), *(folder / "out").rglob("*")] if path.is_file())
    for original in ("PAT-1", "PAT-2", "PAT-3", ISSUED):
        assert original not in said
        assert original.encode() not in written


def test_a_table_that_is_not_right_is_refused_before_anything_is_done(sendit: Sendit, incoming: Path) -> None:
    folder = incoming.parent
    table = folder / "patients.csv"
    table.write_text("id,pseudonym\nPAT-1,SUBJ-001\nPAT-2,PAT-1\n")
    answer = sendit(
        "run", "--workers", "1", incoming, folder / "out", SENDIT_IDENTIFIERS="mapping", SENDIT_MAPPING=str(table)
    )
    assert (answer.status, "line 3" in answer.stderr) == (2, True), answer.stderr
    assert "PAT-" not in answer.stderr
    gone = sendit(
        "run",
        "--workers",
        "1",
        incoming,
        folder / "out",
        SENDIT_IDENTIFIERS="mapping",
        SENDIT_MAPPING=str(folder / "none"),
    )
    assert (gone.status, "SENDIT_MAPPING" in gone.stderr) == (2, True), gone.stderr
    half = sendit("run", "--workers", "1", incoming, folder / "out", SENDIT_IDENTIFIERS="mapping")
    assert (half.status, "SENDIT_MAPPING" in half.stderr) == (2, True), half.stderr
    assert not (folder / "out").exists()


def test_an_out_holds_pseudonyms_of_one_origin(sendit: Sendit, incoming: Path) -> None:
    out = incoming.parent / "out"
    assert sendit("run", "--workers", "1", incoming, out).status == 0
    (incoming.parent / "patients.csv").write_text("id,pseudonym\nPAT-1,S1\nPAT-2,S2\n")
    mapping = {"SENDIT_IDENTIFIERS": "mapping", "SENDIT_MAPPING": str(incoming.parent / "patients.csv")}
    answer = sendit("run", "--workers", "1", incoming, out, **mapping)
    assert (answer.status, "[out_of_other_identifiers]" in answer.stderr) == (2, True), answer.stderr
    assert sendit("deidentify", "--workers", "1", incoming, incoming.parent / "files", **mapping).status == 0
    assert {str(image.PatientID) for image in outputs(incoming.parent / "files")} == {"S1", "S2"}


def test_a_pseudonym_has_one_patient_in_an_out_whatever_the_next_table_says(sendit: Sendit, incoming: Path) -> None:
    folder = incoming.parent
    table, out = folder / "patients.csv", folder / "out"
    settings = {"SENDIT_IDENTIFIERS": "mapping", "SENDIT_MAPPING": str(table), "SENDIT_WORKERS": "1"}

    def run(text: str) -> list[str]:
        table.write_text("id,pseudonym,shift\n" + text)
        sendit("run", incoming, out, "--retry", "failed", **settings)
        return sorted(row["what"] for row in sendit("errors", "--json").json)

    assert run("PAT-1,S-1,17\n") == ["no_pseudonym"]
    assert run("PAT-2,s-1,20\n") == ["pseudonym_taken"]
    assert run("PAT-2,S-2,20\n") == []
    a_file(incoming / "ST-2/1", "PAT-1", 7)
    assert run("PAT-1,S-9,17\nPAT-2,S-2,20\n") == ["pseudonym_taken"]
    assert run("PAT-1,S-1,18\nPAT-2,S-2,20\n") == ["pseudonym_taken"]
    assert run("PAT-1,S-1,17\nPAT-2,S-2,20\n") == []
    assert {name.split("/")[0] for name in images_in(out)} == {"S-1", "S-2"}
    files = [path for path in (out / ".sendit-patients").rglob("*") if path.is_file()]
    kept = b"".join(path.read_bytes() + path.name.encode() for path in files)
    assert files
    assert not any(text in kept for text in (b"PAT-", b"pat-"))


def test_two_studies_have_nothing_of_a_patient_in_common(sendit: Sendit, incoming: Path) -> None:
    folder = incoming.parent
    command, *_ = blocks("sh")
    assert run_as_described(sendit, command, folder).status == 0
    assert sendit("run", "--workers", "1", incoming, folder / "out").status == 0
    one, other = (
        {str(getattr(image, keyword)) for image in outputs(folder / name)
         for keyword in ("PatientID", "AccessionNumber", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")}
        for name in ("out-lung", "out")
    )  # fmt: skip
    assert one.isdisjoint(other)
    refused = sendit("run", "--workers", "1", incoming, folder / "out-lung")
    assert (refused.status, "[out_of_another_key]" in refused.stderr) == (2, True), refused.stderr


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Dasher]:
    (tmp_path / "dasher.token").write_text("token-1\n")
    with dasher() as server:
        yield server


def moved(image: Dataset) -> int:
    """By how many days the study became later."""
    return (datetime.strptime(image.StudyDate, "%Y%m%d") - datetime(2024, 2, 15)).days  # noqa: DTZ001, DTZ007


def test_a_service_is_asked_once_and_its_codes_and_days_are_in_the_images(
    sendit: Sendit, incoming: Path, home: Path, service: Dasher
) -> None:
    folder = incoming.parent
    *_, command = blocks("sh")
    patients = ("PAT-1", "PAT-2")
    assert {jitter_of("Stanford MRN", patient) > 0 for patient in patients} == {True, False}
    answer = run_as_described(sendit, command, folder, service=service.address)
    assert answer.status == 0, answer.stderr
    found = outputs(folder / "out")
    coded = {suid_of("Stanford MRN", patient): patient for patient in patients}
    assert sorted(coded[image.PatientID] for image in found) == ["PAT-1", "PAT-1", "PAT-2"]
    for image in found:
        patient = coded[image.PatientID]
        assert image.AccessionNumber == suid_of("DCM Accession #", f"ACC-{patient}")
        assert (str(image.PatientName), moved(image)) == (image.PatientID, jitter_of("Stanford MRN", patient))
    assert service.seen == [("/LUNG-2026", "token-1")]
    items = [item for entity in service.asked[0]["identifiers"] for item in entity["items"]]
    assert {item["id_timestamp"] for item in items} == {"2024-02-15T00:00:00Z"}

    a_file(incoming / "ST-1/4", "PAT-3", 4)
    a_file(incoming / "ST-1/5", "PAT-1", 5, issuer=ISSUED)
    service.tokens = {"token-2"}
    expired = run_as_described(sendit, command, folder, "--retry", "new", service=service.address)
    assert (expired.status, "SENDIT_DASHER_TOKEN_FILE" in expired.stderr) == (1, True), expired.stderr
    (folder / "dasher.token").write_text("token-2")
    again = run_as_described(sendit, command, folder, service=service.address)
    assert again.status == 3, again.stderr
    assert service.ids == [*("PAT-1", "ACC-PAT-1", "PAT-2", "ACC-PAT-2"), *("PAT-3", "ACC-PAT-3")]
    assert [row["what"] for row in sendit("errors", "--json").json] == ["unknown_issuer"]
    assert len(outputs(folder / "out")) == 4
    said = "".join(one.stdout + one.stderr for one in (answer, expired, again))
    written = b"".join(path.read_bytes() for path in [*home.rglob("*"), *(folder / "out").rglob("*")] if path.is_file())
    for original in (*patients, "PAT-3", ISSUED):
        assert original not in said
        assert original.encode() not in written


def test_a_service_that_takes_no_such_request_is_told_and_nothing_is_stored(
    sendit: Sendit, incoming: Path, service: Dasher
) -> None:
    folder = incoming.parent
    *_, command = blocks("sh")
    service.always = Fault(404)
    answer = run_as_described(sendit, command, folder, service=service.address)
    assert (answer.status, "HTTP 404" in answer.stdout + answer.stderr) == (1, True), answer.stderr
    assert not images_in(folder / "out")
    service.always = None
    answer = run_as_described(sendit, command, folder, "--retry", "failed", service=service.address)
    assert (answer.status, len(images_in(folder / "out"))) == (0, 3), answer.stderr


def test_files_are_deidentified_with_a_services_codes_too(sendit: Sendit, incoming: Path, service: Dasher) -> None:
    settings = {
        "SENDIT_IDENTIFIERS": "dasher",
        "SENDIT_STUDY": "S",
        "SENDIT_DASHER_URL": service.address,
        "SENDIT_DASHER_TOKEN_FILE": str(incoming.parent / "dasher.token"),
    }
    answer = sendit("deidentify", "--workers", "1", incoming, incoming.parent / "files", **settings, SENDIT_WORKERS="1")
    assert answer.status == 0, answer.stderr
    codes = {suid_of("Stanford MRN", patient) for patient in ("PAT-1", "PAT-2")}
    assert {str(image.PatientID) for image in outputs(incoming.parent / "files")} == codes
    assert len(service.asked) == 1

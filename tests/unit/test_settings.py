from pathlib import Path

import pytest

from sendit.dasher_settings import issuer_sources
from sendit.errors import Code, UsageError
from sendit.settings import BatchNames, LogFormat, Settings

README = Path(__file__).resolve().parents[2] / "README.md"


def test_defaults_hold_where_nothing_is_set() -> None:
    settings = Settings.load({})
    assert settings.profile == "research"
    assert settings.home == Path.home() / ".sendit"
    assert settings.batch_names is BatchNames.SHOW


def test_variables_are_read_by_their_names_and_others_are_left_alone() -> None:
    settings = Settings.load({"SENDIT_LOG_FORMAT": "json", "SENDIT_WORKERS": "3", "PATH": "/bin"})
    assert settings.log_format is LogFormat.JSON
    assert settings.workers == 3


def test_the_environment_counts_only_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDIT_WORKERS", "7")
    assert Settings.load({}).workers == 0
    assert Settings.load().workers == 7


def test_an_unknown_variable_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError) as error:
        Settings.load({"SENDIT_WORKRES": "3"})
    assert error.value.code is Code.UNKNOWN_SETTING
    assert error.value.hint == "SENDIT_WORKRES: did you mean SENDIT_WORKERS?"


def test_a_variable_in_the_wrong_case_is_refused_with_the_right_one() -> None:
    with pytest.raises(UsageError, match="SENDIT_") as error:
        Settings.load({"sendit_workers": "3"})
    assert "did you mean SENDIT_WORKERS?" in error.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENDIT_WORKERS", "many"),
        ("SENDIT_WORKERS", "-1"),
        ("SENDIT_IN_FLIGHT_BYTES", "0"),
        ("SENDIT_LEASE_TTL", "-3"),
        ("SENDIT_BATCH_NAMES", "perhaps"),
        ("SENDIT_LOG_LEVEL", "loud"),
        ("SENDIT_WORKERS", ""),
    ],
)
def test_a_bad_value_is_refused_by_the_variables_name_and_not_quoted(name: str, value: str) -> None:
    with pytest.raises(UsageError) as error:
        Settings.load({name: value})
    assert error.value.code is Code.BAD_SETTING
    assert name in error.value.hint
    assert value == "" or f"'{value}'" not in error.value.hint


def test_a_heartbeat_slower_than_its_lease_is_refused() -> None:
    with pytest.raises(UsageError, match="does not fit") as error:
        Settings.load({"SENDIT_LEASE_TTL": "5", "SENDIT_LEASE_HEARTBEAT": "5"})
    assert "SENDIT_LEASE_HEARTBEAT" in error.value.hint


@pytest.mark.parametrize("never", ["", "never", "Never"])
def test_what_is_kept_may_be_kept_for_ever(never: str) -> None:
    names = ("SENDIT_KEEP_SOURCES", "SENDIT_KEEP_MANIFESTS", "SENDIT_KEEP_STATUS")
    settings = Settings.load(dict.fromkeys(names, never))
    assert (settings.keep_sources, settings.keep_manifests, settings.keep_status) == (None, None, None)
    default = Settings.load({})
    assert (default.keep_sources, default.keep_manifests, default.keep_status) == (0, None, None)
    some = Settings.load(dict.fromkeys(names, "8.5"))
    assert (some.keep_sources, some.keep_manifests, some.keep_status) == (8.5, 8.5, 8.5)


def test_a_batch_is_not_forgotten_while_its_markers_event_may_still_come_again() -> None:
    assert Settings.load({"SENDIT_KEEP_STATUS": "8"}).keep_status == 8
    with pytest.raises(UsageError, match="value that does not fit") as error:
        Settings.load({"SENDIT_KEEP_STATUS": "7.9"})
    assert "SENDIT_KEEP_STATUS" in error.value.hint


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "1e300", "soon"])
@pytest.mark.parametrize("name", ["LEASE_TTL", "LEASE_HEARTBEAT", "BUDGET", "REQUEUE_AFTER", "REPORT_AFTER"])
def test_a_time_that_no_clock_can_add_is_refused(name: str, value: str) -> None:
    with pytest.raises(UsageError) as error:
        Settings.load({f"SENDIT_{name}": value})
    assert error.value.code is Code.BAD_SETTING


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "1e300", "soon"])
@pytest.mark.parametrize("name", ["SENDIT_KEEP_SOURCES", "SENDIT_KEEP_MANIFESTS", "SENDIT_KEEP_STATUS"])
def test_how_long_something_is_kept_is_a_time_or_never(name: str, value: str) -> None:
    with pytest.raises(UsageError) as error:
        Settings.load({name: value})
    assert (error.value.code, name in error.value.hint) == (Code.BAD_SETTING, True)


@pytest.mark.parametrize("place", ["gs://", "gs://bucket", "gs://bucket/", "gs://bucket/../x"])
def test_a_table_in_cloud_storage_is_an_object(place: str) -> None:
    with pytest.raises(UsageError) as error:
        Settings.load({"SENDIT_IDENTIFIERS": "mapping", "SENDIT_MAPPING": place})
    assert "SENDIT_MAPPING" in error.value.hint
    fine = Settings.load({"SENDIT_IDENTIFIERS": "mapping", "SENDIT_MAPPING": "gs://bucket/patients.csv"})
    assert fine.mapping == "gs://bucket/patients.csv"


@pytest.mark.parametrize("study", ["a b", "ST/1", "x" * 65, "é"])
def test_a_studys_name_is_one_word(study: str) -> None:
    with pytest.raises(UsageError):
        Settings.load({"SENDIT_STUDY": study})


DASHER = {
    "SENDIT_IDENTIFIERS": "dasher",
    "SENDIT_STUDY": "LUNG-2026",
    "SENDIT_DASHER_URL": "https://host/api/",
    "SENDIT_DASHER_TOKEN_FILE": "token",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENDIT_STUDY", ""),
        ("SENDIT_STUDY", ".."),
        ("SENDIT_DASHER_URL", ""),
        ("SENDIT_DASHER_URL", "http://host/api"),
        ("SENDIT_DASHER_URL", "https://user:secret@host/api"),
        ("SENDIT_DASHER_URL", "https://host/api?x=1"),
        ("SENDIT_DASHER_URL", "https://host/a b\n"),
        ("SENDIT_DASHER_URL", "file:///etc/passwd"),
        ("SENDIT_DASHER_URL", "https:///api"),
        ("SENDIT_DASHER_URL", "https://[/api"),
        ("SENDIT_DASHER_TOKEN_FILE", None),
        ("SENDIT_IDENTIFIERS", "keyed"),
        ("SENDIT_DASHER_TOKEN_URL", "https://host/token"),
        ("SENDIT_DASHER_TOKEN_URL", "http://host/token"),
        ("SENDIT_DASHER_REFRESH_TOKEN_FILE", "refresh"),
        ("SENDIT_DASHER_ISSUERS", "HOSPITAL"),
        ("SENDIT_DASHER_ISSUERS", "HOSPITAL="),
        ("SENDIT_DASHER_ISSUERS", "=MRN"),
        ("SENDIT_DASHER_ISSUERS", "H=a,H=b"),
        ("SENDIT_DASHER_ISSUERS", "H=a,,I=b"),
        ("SENDIT_DASHER_PATIENT_SOURCE", ""),
        ("SENDIT_DASHER_TIMEOUT", "0"),
    ],
)
def test_a_service_is_described_wholly_or_not_at_all(name: str, value: str | None) -> None:
    fine = Settings.load(DASHER)
    assert fine.dasher_url == "https://host/api"
    changed = {key: one for key, one in {**DASHER, name: value}.items() if one is not None}
    with pytest.raises(UsageError) as error:
        Settings.load(changed)
    assert error.value.code is Code.BAD_SETTING
    assert "secret" not in error.value.hint


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:80"])
def test_a_service_on_this_machine_may_be_spoken_to_in_plain_text(host: str) -> None:
    assert Settings.load({**DASHER, "SENDIT_DASHER_URL": f"http://{host}/x"}).dasher_url == f"http://{host}/x"


def test_each_issuer_has_its_source() -> None:
    issuers = "A HOSPITAL = MRN of A, X=Y=MRN, *=other"
    assert issuer_sources(issuers) == {"A HOSPITAL": "MRN of A", "X=Y": "MRN", "*": "other"}
    assert issuer_sources(" ") == {}


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"SENDIT_CROSSWALK": "perhaps"}, "SENDIT_CROSSWALK"),
        ({"SENDIT_CROSSWALK": "on", "SENDIT_DEIDENTIFY": "false"}, "SENDIT_DEIDENTIFY=false"),
        ({"SENDIT_CROSSWALK_DATABASE": "(default)"}, "SENDIT_CROSSWALK_DATABASE"),
        ({"SENDIT_DATABASE": "crosswalk"}, "SENDIT_CROSSWALK_DATABASE"),
        ({"SENDIT_CROSSWALK_DAYS": "0"}, "SENDIT_CROSSWALK_DAYS"),
        ({"SENDIT_CROSSWALK_KEY_FILE": "key"}, "SENDIT_CROSSWALK_KMS_KEY"),
        ({"SENDIT_CROSSWALK_KMS_KEY": "projects/p/locations/l/keyRings/r/cryptoKeys/k"}, "SENDIT_CROSSWALK_KEY_FILE"),
        ({"SENDIT_CROSSWALK_KMS_KEY": "k", "SENDIT_CROSSWALK_KEY_FILE": "key"}, "SENDIT_CROSSWALK_KMS_KEY"),
        (
            {
                "SENDIT_CROSSWALK_KMS_KEY": "projects/p/../locations/l/keyRings/r/cryptoKeys/k",
                "SENDIT_CROSSWALK_KEY_FILE": "key",
            },
            "SENDIT_CROSSWALK_KMS_KEY",
        ),
    ],
)
def test_a_crosswalk_that_could_not_be_kept_is_refused(settings: dict[str, str], named: str) -> None:
    with pytest.raises(UsageError) as error:
        Settings.load(settings)
    assert (error.value.code, named in error.value.hint) == (Code.BAD_SETTING, True)


def test_every_setting_is_in_the_readmes_table() -> None:
    rows = [line for line in README.read_text("utf-8").splitlines() if line.startswith("| `SENDIT_")]
    documented = {row.split("`")[1] for row in rows}
    assert documented == {f"SENDIT_{name.upper()}" for name in Settings.model_fields}

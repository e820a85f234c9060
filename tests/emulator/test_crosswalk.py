"""The worker function with a crosswalk in a database of its own, under a key that a key service decrypts."""

import json
from pathlib import Path

import pytest
import requests
from tests.data.canaries import Canary, find
from tests.emulator.functions import FUNCTIONS, function
from tests.emulator.test_answers import Scene, scene
from tests.emulator.test_deliveries import slices
from tests.kms import decrypted, serving
from typer.testing import CliRunner, Result

from sendit.adapters.kms_key import KmsKey
from sendit.cli import app
from sendit.errors import Code, SenditError

__all__ = ["scene"]

SECRET = b"5e" * 32 + b"\n"
KMS_KEY = "projects/sendit-local/locations/l/keyRings/sendit/cryptoKeys/crosswalk"
PATIENT = Canary("CNRYPATIENTQX", "PatientID")
WHY = ("--reason", "ethics 12/26")


def code_of(result: Result) -> Code | None:
    return result.exception.code if isinstance(result.exception, SenditError) else None


def test_a_batch_of_the_cloud_is_kept_apart_encrypted_and_found(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapped = tmp_path / "crosswalk.key.encrypted"
    wrapped.write_bytes(b"\x0awrapped\xff")
    settings = {
        "SENDIT_CROSSWALK": "on",
        "SENDIT_CROSSWALK_KEY_FILE": str(wrapped),
        "SENDIT_CROSSWALK_KMS_KEY": KMS_KEY,
        "SENDIT_CROSSWALK_DAYS": "30",
        "SENDIT_OUTPUT": "gs://sendit-output/kept",
    }
    scene.register("crosswalk/1", slices(3, PATIENT.value))
    with serving((503, b"")) as kms:
        # what is meant for Cloud KMS goes to the server of the test: no setting could lead it there
        source = tmp_path / "main.py"
        source.write_text(
            "import requests, sendit.wiring.crosswalk_cloud as wiring\n"
            "from sendit.adapters.kms_key import KmsKey\n"
            f"wiring.kms = lambda name: KmsKey(name, requests.Session(), {kms.endpoint!r})\n"
            + (FUNCTIONS / "worker/main.py").read_text("utf-8")
        )
        for name, value in {**scene.cloud.environment, **settings}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(
            "sendit.wiring.crosswalk_cloud.kms", lambda name: KmsKey(name, requests.Session(), kms.endpoint)
        )

        def reidentify(*words: str) -> Result:
            return CliRunner().invoke(app, ["reidentify", *words])

        with function(scene.cloud, "worker", tmp_path, source, **settings) as worker:
            assert scene.deliver("crosswalk/1", worker) == 503  # the key service does not answer
            assert scene.record("crosswalk/1")["status"] == "NEW"
            kms.answer = decrypted(SECRET)
            assert scene.deliver("crosswalk/1", worker) == 200
            lines = "".join(worker.lines)
        images = scene.cloud.images("crosswalk/1").values()
        patient, study, series, instance = next(image["output"] for image in images).removesuffix(".dcm").split("/")
        for words in (("--patient", patient), ("--uid", study), ("--uid", series), ("--uid", instance)):
            (found,) = json.loads(reidentify(*words, *WHY, "--json").stdout)
            assert found["patient"]["original"] == PATIENT.value
            assert [one["batch_id"] for one in found["batches"]] == [scene.cloud.id_of("crosswalk/1")]
        told = json.loads(reidentify("--audit", "--json").stdout)
        assert [one["asked"] for one in told] == ["patient", "uid", "uid", "uid"]
        kms.answer = decrypted(b"5f" * 32)
        assert code_of(reidentify("--uid", instance, *WHY)) is Code.NOT_IN_CROSSWALK
        kms.answer = (403, b"")
        assert code_of(reidentify("--uid", instance, *WHY)) is Code.CROSSWALK_KEY_FORBIDDEN

    kept = scene.cloud.all_of_firestore("crosswalk")
    documents = [one["document"] for one in json.loads(kept) if "document" in one]
    entries = [one["fields"] for one in documents if "/entries/" in one["name"]]
    assert len(entries) == 1 + 1 + 1 + 1 + 3  # patient, accession, study, series, instances
    assert {tuple(sorted(fields)) for fields in entries} == {("content", "expires_at", "key_id")}
    lookups = [one["fields"] for one in documents if "/lookups/" in one["name"]]
    assert sorted(one["found"]["booleanValue"] for one in lookups) == [False, True, True, True, True]
    for place in (kept, scene.cloud.all_of_firestore(), lines):
        assert find((PATIENT,), place.encode()) == []
        assert SECRET.decode().strip() not in place

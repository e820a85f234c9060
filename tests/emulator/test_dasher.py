"""The worker function with an institution's service, which may be down, and is asked once for a batch."""

from pathlib import Path

from tests.dasher import Fault, dasher, jitter_of, suid_of
from tests.emulator.cloud import Cloud
from tests.emulator.functions import function
from tests.emulator.test_answers import Scene, scene
from tests.emulator.test_deliveries import slices

from sendit.ids import DocumentIds
from sendit.settings import Settings
from sendit.wiring.parts import keyring

__all__ = ["scene"]

STUDY = "LUNG-2026"
MRN = "Stanford MRN"


def of_study(scene: Scene) -> Cloud:
    """The cloud as it is under the keys of the study."""
    cloud = Cloud(scene.cloud.environment, scene.cloud.lines)
    settings = Settings.load({**cloud.environment, "SENDIT_STUDY": STUDY})
    object.__setattr__(cloud, "ids", DocumentIds(keyring(settings)))
    return cloud


def test_a_service_is_asked_once_for_all_patients_of_a_batch(scene: Scene, tmp_path: Path) -> None:
    cloud = of_study(scene)
    (tmp_path / "token").write_text("token-1")
    with dasher() as service:
        settings = {
            "SENDIT_OUTPUT": "gs://sendit-output/dashed",
            "SENDIT_STUDY": STUDY,
            "SENDIT_IDENTIFIERS": "dasher",
            "SENDIT_DASHER_URL": service.address,
            "SENDIT_DASHER_TOKEN_FILE": str(tmp_path / "token"),
            "SENDIT_DASHER_ISSUERS": f"*={MRN}",
        }
        with function(cloud, "worker", tmp_path, None, **settings) as worker:
            ours = Scene(cloud, scene.finalizer, worker, scene.finalize)
            ours.register("dasher/1", {**slices(2, "CANARY-1"), "b": slices(3, "CANARY-2")["3.dcm"]})
            service.always = Fault(503, {"Retry-After": "9999"})
            assert ours.deliver("dasher/1") == 503
            record = ours.record("dasher/1")
            assert (record["status"], record["last_failure"]["code"]) == ("PROCESSING", "identifiers_unavailable")
            service.always = None
            assert ours.deliver("dasher/1") == 200
            lines = "".join(worker.lines)
    assert ours.record("dasher/1")["counts"]["stored"] == 3, lines
    assert len(service.asked) == 1
    names = [blob.name for blob in cloud.client.list_blobs(cloud.output, prefix="dashed/")]
    stored = sorted(name.split("/")[1] for name in names if name.endswith(".dcm"))
    assert stored == sorted([suid_of(MRN, "CANARY-1")] * 2 + [suid_of(MRN, "CANARY-2")])
    assert jitter_of(MRN, "CANARY-1") * jitter_of(MRN, "CANARY-2") < 0  # one later, one earlier
    kept = cloud.client.list_blobs(cloud.staging, prefix=f"manifests/{cloud.id_of('dasher/1')}/")
    (sealed,) = [blob.download_as_bytes() for blob in kept if blob.name.endswith(".sealed")]
    assert b"CANARY" not in sealed
    assert suid_of(MRN, "CANARY-1").encode() not in sealed
    assert "CANARY" not in lines + cloud.all_of_firestore()

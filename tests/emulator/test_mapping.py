"""The worker function with a table of pseudonyms in a bucket, which may be missing, wrong, or grow."""

from pathlib import Path

from tests.emulator.functions import function
from tests.emulator.test_answers import Scene, scene
from tests.emulator.test_deliveries import slices

__all__ = ["scene"]

TABLE = "private/patients.csv"


def put(scene: Scene, table: str) -> None:
    scene.cloud.output.blob(TABLE).upload_from_string(table)


def test_a_table_in_a_bucket_is_read_for_each_batch(scene: Scene, tmp_path: Path) -> None:
    for batch in ("mapping/1", "mapping/2"):
        scene.register(batch, {**slices(1, "CANARY-1"), "b": slices(2, "CANARY-2")["2.dcm"]})
    settings = {
        "SENDIT_OUTPUT": "gs://sendit-output/mapped",
        "SENDIT_IDENTIFIERS": "mapping",
        "SENDIT_MAPPING": f"gs://sendit-output/{TABLE}",
    }
    with function(scene.cloud, "worker", tmp_path, None, **settings) as worker:
        assert scene.deliver("mapping/1", worker) == 503  # there is no table
        record = scene.record("mapping/1")
        assert (record["status"], record["last_failure"]["code"]) == ("PROCESSING", "mapping_unavailable")
        put(scene, "id,pseudonym,issuer\nCANARY-1,S1,*\n")
        assert scene.deliver("mapping/1", worker) == 200
        put(scene, "id,pseudonym\nCANARY-1,CANARY-1\n")
        assert scene.deliver("mapping/2", worker) == 200
        lines = "".join(worker.lines)
    record = scene.record("mapping/1")
    assert (record["counts"]["stored"], record["errors"][0]["code"]) == (1, "no_pseudonym")
    record = scene.record("mapping/2")
    assert (record["status"], record["errors"][0]["code"]) == ("ERROR", "bad_mapping")
    assert "Line 2" in record["errors"][0]["sentence"]
    names = [blob.name for blob in scene.cloud.client.list_blobs(scene.cloud.output, prefix="mapped/")]
    assert [name.split("/")[1] for name in names if name.endswith(".dcm")] == ["S1"]
    assert "CANARY" not in lines + scene.cloud.all_of_firestore()

"""`sendit emulate` comes up quickly, and nothing of it is left, however it ends."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from tests.data import objects

from sendit.emulators import official
from sendit.emulators.part import Launch, Part
from sendit.emulators.ports import free_port

SENDIT = Path(sys.executable).with_name("sendit")
READY_SECONDS = 20.0
GONE_SECONDS = 10.0
PARTS = {
    "Pub/Sub": "cloud-pubsub-emulator",
    "Firestore": "cloud-firestore-emulator",
    "Cloud Storage": "sendit.emulators.gcs",
    "finalize": "--target\0finalize",
    "worker": "--target\0worker",
    "sweep": "--target\0sweep",
    "guard": "guard.py",
}


@dataclass
class Emulate:
    """One `sendit emulate`. Its temporary folder lies in `place`, and its processes are known by that word."""

    process: subprocess.Popen[str]
    place: Path
    env_file: Path

    def variables(self) -> dict[str, str]:
        """What a shell has after sourcing the file."""
        script = f"source '{self.env_file}' && env -0"
        done = subprocess.run(["bash", "-c", script], env={"PATH": os.environ["PATH"]}, capture_output=True, check=True)
        return dict(pair.decode().split("=", 1) for pair in done.stdout.rstrip(b"\0").split(b"\0"))

    def wait_ready(self) -> dict[str, str]:
        deadline = time.monotonic() + READY_SECONDS
        while not self.env_file.exists():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, "not ready in time"
            time.sleep(0.05)
        return self.variables()

    def said(self) -> tuple[str, str]:
        return self.process.communicate(timeout=GONE_SECONDS)

    def processes(self) -> dict[int, str]:
        """Every process that has the place in its command line or its environment, by id."""
        return {pid: words for pid, words in all_processes().items() if str(self.place) in words}

    def part(self, name: str) -> int:
        """The first process of a part: of those, the one that `sendit emulate` started itself."""
        (pid,) = (
            pid
            for pid, words in self.processes().items()
            if PARTS[name] in words and parent_of(pid) == self.process.pid
        )
        return pid

    def ports(self) -> list[int]:
        """Every port that its processes listen on."""
        return sorted(port for pid in self.processes() for port in listening_ports(pid))

    def assert_nothing_is_left(self, ports: list[int]) -> None:
        deadline = time.monotonic() + GONE_SECONDS
        while True:
            left = (self.processes(), [port for port in ports if answers(port)], sorted(self.place.iterdir()))
            if not any(left) and not self.env_file.exists():
                return
            assert time.monotonic() < deadline, (left, self.env_file.exists())
            time.sleep(0.1)


def all_processes() -> dict[int, str]:
    """The command line and environment of every process that is no zombie."""
    found: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            found[int(folder.name)] = words.decode("utf-8", "replace")
    return found


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[1])


def listening_ports(pid: int) -> Iterator[int]:
    inodes: set[str] = set()
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                inodes.add(str(descriptor.readlink()))
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text("ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                yield int(fields[1].rpartition(":")[2], 16)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True


def fetch(host: str, method: str, path: str, body: object = None) -> dict[str, object]:
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request(method, path, json.dumps(body) if body is not None else None)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    assert answer.status == 200, data
    found: dict[str, object] = json.loads(data)
    return found


def upload(storage: str, name: str, data: bytes) -> None:
    connection = http.client.HTTPConnection(storage, timeout=10)
    query = urlencode({"uploadType": "media", "name": name})
    connection.request("POST", f"/upload/storage/v1/b/sendit-staging/o?{query}", data)
    assert connection.getresponse().status == 200
    connection.close()


def stored(storage: str) -> object:
    """Whether there is an image in the output bucket."""
    items = fetch(storage, "GET", "/storage/v1/b/sendit-output/o").get("items", [])
    assert isinstance(items, list)
    return [item for item in items if item["name"].endswith(".dcm")]


Starting = Callable[..., Emulate]


@pytest.fixture
def emulate(tmp_path: Path) -> Iterator[Starting]:
    running: list[Emulate] = []

    def start(*arguments: str, env_file: Path | None = None, **more: str) -> Emulate:
        number = len(running)
        place = tmp_path / f"place{number}"
        place.mkdir()
        env_file = env_file or tmp_path / f"variables{number}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SENDIT_")}
        process = subprocess.Popen(
            [str(SENDIT), "emulate", "--env-file", str(env_file), *arguments],
            env={**kept, "SENDIT_HOME": str(tmp_path / "home"), "TMPDIR": str(place), **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.append(Emulate(process, place, env_file))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_to_end_it_leaves_nothing_and_says_so(emulate: Starting, how: signal.Signals) -> None:
    cloud = emulate()
    cloud.wait_ready()
    ports = cloud.ports()
    assert len(ports) >= 7  # Pub/Sub, Firestore, Cloud Storage and its TLS, three functions
    cloud.process.send_signal(how)
    out, err = cloud.said()
    assert cloud.process.returncode == 0
    cloud.assert_nothing_is_left(ports)
    assert re.search(r"ready after \d+\.\d s", out)
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "The local cloud has ended; nothing of it is left."


def test_it_ends_all_the_same_when_it_is_asked_again_and_again(emulate: Starting) -> None:
    cloud = emulate()
    cloud.wait_ready()
    ports = cloud.ports()
    while cloud.process.poll() is None:
        cloud.process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    assert cloud.process.returncode == 0
    cloud.assert_nothing_is_left(ports)


@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.5, 2.5])
def test_asked_to_end_while_it_starts_it_leaves_nothing(emulate: Starting, seconds: float) -> None:
    cloud = emulate()
    time.sleep(seconds)
    cloud.process.send_signal(signal.SIGINT)
    _, err = cloud.said()
    # before it listens to signals itself, the command line ends as any verb does; a fast machine may be ready by then
    assert cloud.process.returncode in {0, 130, -signal.SIGINT}, err
    cloud.assert_nothing_is_left([])


@pytest.mark.parametrize("name", ["Pub/Sub", "Cloud Storage", "worker", "guard"])
def test_a_part_that_is_killed_takes_everything_along_and_is_named(emulate: Starting, name: str) -> None:
    cloud = emulate()
    cloud.wait_ready()
    ports = cloud.ports()
    os.kill(cloud.part(name), signal.SIGKILL)
    _, err = cloud.said()
    assert cloud.process.returncode == 1
    cloud.assert_nothing_is_left(ports)
    (complaint,) = (line for line in err.splitlines() if line.startswith("sendit: "))
    assert name in complaint
    assert complaint.endswith("[emulator_failed]")
    assert "Traceback" not in err


def test_killed_itself_it_leaves_nothing(emulate: Starting) -> None:
    cloud = emulate()
    cloud.wait_ready()
    ports = cloud.ports()
    cloud.process.kill()
    cloud.process.wait()
    cloud.assert_nothing_is_left(ports)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_ended_while_a_batch_is_in_work_it_leaves_nothing(emulate: Starting, how: signal.Signals) -> None:
    cloud = emulate(SENDIT_WORKERS="2")
    storage = cloud.wait_ready()["STORAGE_EMULATOR_HOST"].removeprefix("http://")
    image = objects.ct(1, rows=16, columns=16)
    for number in range(300):
        image.SOPInstanceUID = f"1.2.826.0.1.{number + 1}"
        upload(storage, f"incoming/ST-1/{number}.dcm", objects.to_bytes(image))
    upload(storage, "finalize/ST-1", b"")
    deadline = time.monotonic() + READY_SECONDS
    while not stored(storage):
        assert time.monotonic() < deadline, "no image was stored in time"
        time.sleep(0.02)
    ports = cloud.ports()
    assert [words for words in cloud.processes().values() if "spawn_main" in words]  # worker processes of worker
    cloud.process.send_signal(how)
    _, err = cloud.said()
    cloud.assert_nothing_is_left(ports)
    assert "Traceback" not in err


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0])
def test_killed_while_it_starts_it_leaves_nothing(emulate: Starting, seconds: float) -> None:
    cloud = emulate()
    time.sleep(seconds)
    cloud.process.kill()
    cloud.process.wait()
    cloud.assert_nothing_is_left([])


def test_killed_together_with_its_guard_it_leaves_no_process(emulate: Starting) -> None:
    cloud = emulate()
    cloud.wait_ready()
    guard = cloud.part("guard")
    cloud.process.kill()
    os.kill(guard, signal.SIGKILL)
    deadline = time.monotonic() + GONE_SECONDS
    while cloud.processes():
        assert time.monotonic() < deadline, cloud.processes()
        time.sleep(0.1)


def test_two_at_once_do_not_meet(emulate: Starting) -> None:
    one, other = emulate(), emulate()
    first, second = one.wait_ready(), other.wait_ready()
    for name in ("STORAGE_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST", "CLOUDSDK_CONFIG"):
        assert first[name] != second[name]
    assert not set(one.ports()) & set(other.ports())
    one.process.send_signal(signal.SIGINT)
    one.said()
    assert other.process.poll() is None
    assert fetch(second["PUBSUB_EMULATOR_HOST"], "GET", "/v1/projects/sendit-local/topics")
    other.process.send_signal(signal.SIGINT)
    other.said()
    assert other.process.returncode == 0


def test_the_file_is_private_and_holds_all_that_a_client_needs(emulate: Starting) -> None:
    cloud = emulate()
    known = cloud.wait_ready()
    assert cloud.env_file.stat().st_mode & 0o777 == 0o600
    lines = [line for line in cloud.env_file.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"export [A-Z_a-z]+='[^']*'", line) for line in lines)
    assert known["GOOGLE_CLOUD_PROJECT"] == "sendit-local"
    assert (known["SENDIT_STAGING"], known["SENDIT_OUTPUT"]) == ("gs://sendit-staging", "gs://sendit-output")
    assert Path(known["SENDIT_KEY_FILE"]).read_text("ascii").strip()
    assert Path(known["BOTO_CONFIG"]).read_text("utf-8").startswith("[Boto]")
    (folder,) = cloud.place.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_topics_subscriptions_buckets_and_the_notification_are_as_in_the_cloud(emulate: Starting) -> None:
    known = emulate().wait_ready()
    project = "/v1/projects/sendit-local"
    pubsub = known["PUBSUB_EMULATOR_HOST"]
    for topic in ("finalized", "batches"):
        subscription = fetch(pubsub, "GET", f"{project}/subscriptions/{topic}-push")
        assert subscription["topic"] == f"projects/sendit-local/topics/{topic}"
        assert subscription["ackDeadlineSeconds"] == 600
        assert subscription["retryPolicy"] == {"minimumBackoff": "30s", "maximumBackoff": "600s"}
        dead = {"deadLetterTopic": "projects/sendit-local/topics/dead-letters", "maxDeliveryAttempts": 20}
        assert subscription["deadLetterPolicy"] == dead
    for topic in ("ticks", "dead-letters"):
        assert "deadLetterPolicy" not in fetch(pubsub, "GET", f"{project}/subscriptions/{topic}-push")
    kept = fetch(pubsub, "GET", f"{project}/subscriptions/dead-letters-kept")
    assert (kept["topic"], kept["pushConfig"]) == ("projects/sendit-local/topics/dead-letters", {})
    storage = known["STORAGE_EMULATOR_HOST"].removeprefix("http://")
    for bucket in ("sendit-staging", "sendit-output"):
        assert fetch(storage, "GET", f"/storage/v1/b/{bucket}")["name"] == bucket
    notifications = fetch(storage, "GET", "/storage/v1/b/sendit-staging/notificationConfigs")["items"]
    assert isinstance(notifications, list)
    (notification,) = notifications
    assert notification["object_name_prefix"] == "finalize/"
    assert notification["event_types"] == ["OBJECT_FINALIZE"]


def test_emulators_that_somebody_else_started_get_buckets_topics_and_subscriptions_too(
    gcs_emulator: str, pubsub_emulator: str
) -> None:
    known = {"STORAGE_EMULATOR_HOST": f"http://{gcs_emulator}", "PUBSUB_EMULATOR_HOST": pubsub_emulator}
    command = [sys.executable, "-m", "sendit.emulators.resources", "8081", "8082", "8083"]
    for _ in range(2):  # whatever is there already stays
        subprocess.run(command, env={**os.environ, **known}, check=True, timeout=30)
    assert fetch(gcs_emulator, "GET", "/storage/v1/b/sendit-output")
    subscription = fetch(pubsub_emulator, "GET", "/v1/projects/sendit-local/subscriptions/batches-push")
    endpoint = "http://127.0.0.1:8082/projects/sendit-local/topics/batches"
    assert subscription["pushConfig"] == {"pushEndpoint": endpoint}
    assert fetch(pubsub_emulator, "GET", "/v1/projects/sendit-local/subscriptions/ticks-push")


def path_without(program: str, folder: Path) -> str:
    """A PATH on which everything is found but one program."""
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for found in Path(place).glob("*"):
            if found.name != program and not (folder / found.name).is_symlink():
                (folder / found.name).symlink_to(found)
    return str(folder)


@pytest.mark.parametrize(("program", "advice"), [("java", "Install a Java runtime"), ("gcloud", "Google Cloud CLI")])
def test_a_program_that_is_missing_is_one_line_that_says_what_to_install(
    emulate: Starting, tmp_path: Path, program: str, advice: str
) -> None:
    cloud = emulate(PATH=path_without(program, tmp_path / "programs"))
    out, err = cloud.said()
    assert cloud.process.returncode == 2
    (line,) = err.splitlines()
    assert advice in line
    assert line.endswith("[emulator_missing]")
    assert out == ""
    cloud.assert_nothing_is_left([])


def test_an_emulator_that_is_missing_is_one_line_that_says_what_to_install(emulate: Starting, tmp_path: Path) -> None:
    sdk = tmp_path / "sdk" / "bin"
    sdk.mkdir(parents=True)
    (sdk / "gcloud").write_text("#!/bin/sh\n", "ascii")
    (sdk / "gcloud").chmod(0o755)
    cloud = emulate(PATH=f"{sdk}{os.pathsep}{os.environ['PATH']}")
    _, err = cloud.said()
    assert cloud.process.returncode == 2
    (line,) = err.splitlines()
    assert "gcloud components install cloud-firestore-emulator" in line


def test_a_java_that_is_too_old_is_one_line_that_says_so(emulate: Starting, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    words = "java.lang.UnsupportedClassVersionError: more recent version of the Java Runtime (class file version 65.0)"
    (programs / "java").write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n", "ascii")
    (programs / "java").chmod(0o755)
    cloud = emulate(PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    _, err = cloud.said()
    assert cloud.process.returncode == 2
    (line,) = (line for line in err.splitlines() if line.startswith("sendit: "))
    assert "Install a newer Java runtime" in line
    cloud.assert_nothing_is_left([])


@pytest.mark.parametrize("which", [official.firestore, official.pubsub])
def test_an_emulator_whose_port_is_taken_meanwhile_is_started_on_another(
    which: Callable[[official.Sdk, Path], Launch], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken, free = other.getsockname()[1], free_port()
        ports = iter([taken, taken, free])
        monkeypatch.setattr(official, "free_port", lambda: next(ports))
        part = Part(which(official.Sdk.find(), tmp_path))
        part.start()
        try:
            assert part.wait_ready(60)["port"] == str(free)
        finally:
            part.stop(2.0)
    assert not part.alive


def test_a_file_that_is_somebody_elses_is_not_overwritten(emulate: Starting, tmp_path: Path) -> None:
    theirs, pipe = tmp_path / "theirs", tmp_path / "pipe"
    theirs.write_text("alias ll='ls -l'\n", "ascii")
    os.mkfifo(pipe)
    for path in (theirs, pipe, tmp_path, tmp_path / "no-folder" / "variables"):
        cloud = emulate(env_file=path)
        _, err = cloud.said()
        assert cloud.process.returncode == 2
        assert err.splitlines()[-1].endswith("[bad_setting]")
        assert sorted(cloud.place.iterdir()) == []
    assert theirs.read_text("ascii") == "alias ll='ls -l'\n"

"""The built wheel works in an empty environment, and gives the bytes that this one gives."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.data import hostile, objects, sample_study
from tests.laptop.conftest import SENDIT, environment, images_in

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another environment, with the wheel and the exact set of the lock file."""
    folder = tmp_path_factory.mktemp("elsewhere")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "venv/bin/python"), "--disable-pip-version-check"]
    install = [*pip, "install", "-q", "--no-compile"]  # most of what is installed is never imported
    lock = ["--require-hashes", "-r", str(ROOT / "requirements.lock")]
    subprocess.run([*install, *lock], check=True, capture_output=True)
    subprocess.run([*install, "--no-deps", str(wheel)], check=True, capture_output=True)
    subprocess.run([*pip, "check"], check=True, capture_output=True)
    return folder / "venv/bin/sendit"


@pytest.mark.timeout(600)
def test_same_input_and_key_give_the_same_bytes_whatever_is_around(elsewhere: Path, tmp_path: Path) -> None:
    source = tmp_path / "src"
    sample_study.build(source)
    hostile.conflict(source / "conflict")
    hostile.duplicate(source / "duplicate")
    for kind, build in objects.KINDS.items():
        for number, syntax in enumerate(objects.SYNTAXES):
            path = source / "kinds" / f"{kind}-{number}.dcm"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(objects.to_bytes(build(100 + number), syntax))
    first_home = tmp_path / "home1"
    runs = [
        (SENDIT, "1", {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"}),
        (SENDIT, "3", {"PYTHONHASHSEED": "77", "TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8"}),
        (elsewhere, "1", {"PYTHONHASHSEED": "4242", "TZ": "America/St_Johns", "LC_ALL": "POSIX"}),
        (elsewhere, "2", {"PYTHONHASHSEED": "0", "TZ": "Asia/Kathmandu", "LC_ALL": "en_US.UTF-8"}),
    ]
    results = []
    for number, (program, workers, around) in enumerate(runs):
        home, out = tmp_path / f"home{number + 1}", tmp_path / f"out{number + 1}"
        if home != first_home:
            home.mkdir(mode=0o700)
            shutil.copy(first_home / "key", home / "key")
        answer = subprocess.run(
            [str(program), "run", str(source), str(out), "--workers", workers],
            env=environment(home, **around),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 3, answer.stderr
        results.append({**images_in(out), ".sendit.json": (out / ".sendit.json").read_bytes()})
    assert len(results[0]) > 60
    assert all(result == results[0] for result in results[1:])


def test_another_key_shares_no_name_and_no_identifier(tmp_path: Path) -> None:
    source = tmp_path / "src"
    sample_study.build(source)
    parts = []
    for number in (1, 2):
        out = tmp_path / f"out{number}"
        answer = subprocess.run(
            [str(SENDIT), "run", str(source), str(out)],
            env=environment(tmp_path / f"home{number}"),
            capture_output=True,
            check=False,
        )
        assert answer.returncode == 3
        parts.append({part for name in images_in(out) for part in Path(name).parts})
    assert len(parts[0]) > 30
    assert parts[0].isdisjoint(parts[1])

"""The shape of the package: arrows point one way, no circles, small modules, light imports."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "shared" / "sendit"
MODULES = {
    ".".join(("sendit", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
LONGEST = 300
CLOUD_CLIENTS = ("google.cloud", "gcsfs", "functions_framework")


def imports_of(name: str, *, run_time_only: bool = False) -> set[str]:
    """The modules of sendit, and the others, that a module imports anywhere in its text."""
    tree = ast.parse(MODULES[name].read_text("utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if run_time_only and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {full if full in MODULES else node.module for full in names}
    return found


def test_no_module_is_long() -> None:
    lengths = {name: len(path.read_text("utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_there_is_no_circle() -> None:
    graph = {name: {one for one in imports_of(name, run_time_only=True) if one in MODULES} - {name} for name in MODULES}
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("name", sorted(name for name in MODULES if name.startswith("sendit.deid")))
def test_the_engine_imports_nothing_of_the_rest(name: str) -> None:
    ours = {one for one in imports_of(name) if one.split(".")[0] == "sendit"}
    assert {one for one in ours if not one.startswith("sendit.deid")} == set()


@pytest.mark.parametrize("name", sorted(name for name in MODULES if name.startswith("sendit.pixels")))
def test_cleaning_pixels_imports_the_engine_and_nothing_else_of_ours(name: str) -> None:
    ours = {one for one in imports_of(name) if one.split(".")[0] == "sendit"}
    assert {one for one in ours if not one.startswith(("sendit.pixels", "sendit.deid"))} == set()


@pytest.mark.parametrize("name", sorted(name for name in MODULES if name.startswith("sendit.")))
def test_adapters_are_named_in_wiring_alone(name: str) -> None:
    if name.startswith(("sendit.wiring", "sendit.adapters")):
        return
    assert {one for one in imports_of(name) if one.startswith("sendit.adapters")} == set()


@pytest.mark.parametrize(
    "name",
    [
        "finalize",
        "process",
        "again",
        "sweep",
        "local",
        "label",
        "records",
        "refs",
        "ports",
        "screen",
        "recipes",
        "sheet.making",
    ],
)  # fmt: skip
def test_use_cases_and_records_know_no_cloud_client_and_no_command_line(name: str) -> None:
    imported = imports_of(f"sendit.{name}")
    assert not [one for one in imported if one.startswith((*CLOUD_CLIENTS, "sendit.cli", "sendit.wiring"))]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("sendit.finalize", ("pydicom", "gcsfs", "fsspec", "rich", "typer", "numpy")),
        ("sendit.ports", ("pydicom", "gcsfs")),
        ("sendit.deid", ("pydicom",)),
        ("sendit.deid.identity.keys", ("pydicom",)),
        ("sendit.pixels", ("pydicom", "numpy")),
        ("sendit.wiring.cloud", ("pydicom", "gcsfs", "fsspec", "rich", "typer", "numpy")),
        ("sendit.wiring.sweep", ("pydicom", "gcsfs", "fsspec", "google.cloud.storage", "rich", "typer", "numpy")),
        ("sendit.push", ("pydicom", "gcsfs", "fsspec", "rich", "typer", "numpy")),
        ("sendit.cli", ("gcsfs", "google.cloud.firestore", "google.cloud.pubsub_v1", "google.cloud.storage")),
        # numpy and Pillow, where they are installed, come with pydicom; none of ours may need them
        ("sendit.cli", ("sendit.sheet.grey", "sendit.sheet.picture")),
    ],
)
def test_what_has_to_start_fast_imports_nothing_heavy(module: str, heavy: tuple[str, ...]) -> None:
    program = f"import sys, {module}; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_but_the_command_line_prints() -> None:
    printing = {
        name
        for name, path in MODULES.items()
        if any(word in path.read_text("utf-8") for word in ("print(", "sys.stdout", "sys.stderr"))
    }
    assert {name for name in printing if not name.startswith("sendit.cli")} <= {"sendit.logs"}

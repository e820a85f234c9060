"""Runs one tool over the files of a folder in one warm process: `python drive.py TOOL WARM SOURCE OUT TABLE`.

Of each tool the call that its own documentation shows for one file, read from a file and written to a file; what a
tool sets up once for a batch is set up once. The clock runs over SOURCE alone, after the files of WARM; it and what
was refused go to `OUT.json`. Runs in the tool's own environment, so it imports the standard library and the tool.
"""

import contextlib
import gc
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

BLOCK = 1 << 20
BANNER = (1024, 80)
"""Columns and rows of what is blanked in ultrasound, from the upper left corner."""
One = Callable[[Path], object]


class RefusedError(Exception):
    """The tool itself says that it does not take the file."""


def copy(out: Path, _: Path, __: contextlib.ExitStack) -> One:
    """Open, read, write: what any Python program that makes a new file has to do."""

    def one(path: Path) -> None:
        with path.open("rb") as source, (out / path.name).open("wb") as sink:
            while block := source.read(BLOCK):
                sink.write(block)

    return one


def sendit(out: Path, _: Path, __: contextlib.ExitStack) -> One:
    """The library call, gate included."""
    deid = import_module("sendit.deid")
    profile, keys = deid.profile_named("research"), deid.Keyring(bytes(range(32)))

    def one(path: Path) -> None:
        with path.open("rb", buffering=0) as source, (out / path.name).open("wb", buffering=0) as sink:
            deid.deidentify(source, sink, profile=profile, keys=keys, identify=keys.identifiers)

    return one


def pydicom(out: Path, _: Path, __: contextlib.ExitStack) -> One:
    """Every element decoded and encoded, none of them changed."""
    library = import_module("pydicom")

    def one(path: Path) -> None:
        ds = library.dcmread(path)
        for element in ds:  # a tool that decides by what is in them has to
            element.value  # noqa: B018
        ds.save_as(out / path.name)

    return one


def pydicom_lazy(out: Path, _: Path, __: contextlib.ExitStack) -> One:
    """Read and save: values that nobody asks for are written as they were read."""
    library = import_module("pydicom")
    return lambda path: library.dcmread(path).save_as(out / path.name)


def dicom_anonymizer(out: Path, _: Path, __: contextlib.ExitStack) -> One:
    """Its rules for the newest edition that it ships, private elements deleted."""
    tool = import_module("dicomanonymizer.simpledicomanonymizer")

    def rules() -> Any:
        return tool.initialize_actions("dicomfields_2026c")

    return lambda path: tool.anonymize_dicom_file(str(path), str(out / path.name), base_rules_gen=rules)


def dicognito(out: Path, _: Path, __: contextlib.ExitStack) -> One:
    """One Anonymizer for the folder, as its command line has."""
    anonymizer = import_module("dicognito.anonymizer").Anonymizer(seed="bench")
    library = import_module("pydicom")

    def one(path: Path) -> None:
        with library.dcmread(path) as ds:
            anonymizer.anonymize(ds)
            ds.save_as(out / path.name, enforce_file_format=True)

    return one


def deid(out: Path, table: Path, _: contextlib.ExitStack) -> One:
    """A recipe of all of Table E.1-1: the one that it ships removes by endings of names."""
    header = import_module("deid.dicom.header")
    recipe = out.with_suffix(".recipe")
    recipe.write_text("FORMAT dicom\n\n%header\n\n" + "".join(f"{line}\n" for line in _recipe(table)), "ascii")
    loaded = import_module("deid.config").DeidRecipe(str(recipe))

    def one(path: Path) -> None:
        header.replace_identifiers(
            [str(path)], deid=loaded, save=True, output_folder=str(out), remove_private=True, strip_sequences=False
        )

    return one


def _recipe(table: Path) -> list[str]:
    """What the Basic Profile column says, by keyword: an action of two parts becomes the one that leaves less."""
    keyword_of: Callable[[int], str] = import_module("pydicom.datadict").keyword_for_tag
    vr_of: Callable[[int], str] = import_module("pydicom.datadict").dictionary_VR
    dummies = {"DA": "20000101", "TM": "000000", "DT": "20000101000000", "AS": "000Y", "DS": "0", "IS": "0"}
    lines = []
    for row in json.loads(table.read_text("utf-8"))["rows"]:
        tag, action = row[1].strip("()").replace(",", ""), row[4]
        if len(tag) != 8 or "x" in tag.lower() or not keyword_of(int(tag, 16)):
            continue
        number = int(tag, 16)
        keyword, vr = keyword_of(number), vr_of(number)
        if action.startswith("X"):
            lines.append(f"REMOVE {keyword}")
        elif action == "Z" or vr not in {*dummies, "PN", "LO", "SH", "CS", "UI"}:
            lines.append(f"BLANK {keyword}")
        elif vr == "UI":
            lines.append(f"REPLACE {keyword} deid_func:pydicom_uuid")
        else:
            lines.append(f"REPLACE {keyword} {dummies.get(vr, 'ANONYMIZED')}")
    return lines


def sendit_blanking(out: Path, _: Path, __: contextlib.ExitStack) -> One:
    """The banner made black as the pipeline does it, and nothing else."""
    layer = import_module("sendit.pixels")
    cleaning = layer.Cleaning(blank=(layer.Rectangle(0, 0, *BANNER),))

    def one(path: Path) -> None:
        with path.open("rb", buffering=0) as source, (out / path.name).open("wb", buffering=0) as sink:
            clean = layer.cleaned(source, cleaning)
            while block := clean.read(BLOCK):
                sink.write(block)

    return one


def sendit_blanked(out: Path, _: Path, __: contextlib.ExitStack) -> One:
    """The banner made black and the object de-identified, in one pass."""
    layer, deid = import_module("sendit.pixels"), import_module("sendit.deid")
    profile, keys = deid.profile_named("research"), deid.Keyring(bytes(range(32)))
    cleaning = layer.Cleaning(blank=(layer.Rectangle(0, 0, *BANNER),))

    def one(path: Path) -> None:
        with path.open("rb", buffering=0) as source, (out / path.name).open("wb", buffering=0) as sink:
            clean = layer.cleaned(source, cleaning)
            deid.deidentify(clean, sink, profile=profile, keys=keys, identify=keys.identifiers)

    return one


def pydicom_blanking(out: Path, _: Path, __: contextlib.ExitStack) -> One:
    """Decode, set the banner to zero with numpy, store uncompressed: what a script does."""
    library = import_module("pydicom")

    def one(path: Path) -> None:
        ds = library.dcmread(path)
        if ds.file_meta.TransferSyntaxUID.is_compressed:
            ds.decompress(generate_instance_uid=False)
        array = ds.pixel_array.copy()
        frames = array[None] if array.ndim == 3 else array
        frames[:, : BANNER[1], : BANNER[0]] = 0
        ds.PixelData = array.tobytes()
        ds.save_as(out / path.name)

    return one


def deid_blanking(out: Path, _: Path, __: contextlib.ExitStack) -> One:
    """Its DicomCleaner with a recipe that says the banner, of every ultrasound."""
    pixels = import_module("deid.dicom.pixels")
    recipe = out.with_suffix(".recipe")
    recipe.write_text(
        "FORMAT dicom\n\n%filter graylist\n\nLABEL banner\ncontains Modality US\n"
        f"coordinates 0,0,{BANNER[0]},{BANNER[1]}\n",
        "ascii",
    )

    def one(path: Path) -> None:
        cleaner = pixels.DicomCleaner(output_folder=str(out), deid=str(recipe))
        if not cleaner.detect(str(path))["flagged"]:
            raise RefusedError
        cleaner.clean()
        cleaner.save_dicom()

    return one


def grand_challenge(out: Path, _: Path, __: contextlib.ExitStack) -> One:
    """Its own procedure, which knows CT, MR and whole slides and rejects every other SOP class."""
    tool = import_module("grand_challenge_dicom_de_identifier.deidentifier").DicomDeidentifier()
    return lambda path: tool.deidentify_file(str(path), output=str(out / path.name))


def rsna(out: Path, _: Path, closing: contextlib.ExitStack) -> One:
    """The controller behind its windows, with the script and the data base that a new project has."""
    models = import_module("anonymizer.model.project")
    scripts = Path(str(import_module("anonymizer").__file__)).parent / "assets" / "scripts"
    project = models.ProjectModel(storage_dir=out, anonymizer_script_path=scripts / "default-anonymizer.script")
    project.private_dir().mkdir(parents=True)
    controller = import_module("anonymizer.controller.anonymizer").AnonymizerController(project)
    closing.callback(controller.stop)

    def one(path: Path) -> None:
        error, _ = controller.anonymize_file(path)
        if error:
            raise RefusedError

    return one


TOOLS: dict[str, Callable[[Path, Path, contextlib.ExitStack], One]] = {
    "copy": copy,
    "sendit": sendit,
    "pydicom": pydicom,
    "pydicom-lazy": pydicom_lazy,
    "dicom-anonymizer": dicom_anonymizer,
    "dicognito": dicognito,
    "deid": deid,
    "grand-challenge": grand_challenge,
    "rsna": rsna,
    "sendit-blanking": sendit_blanking,
    "sendit-blanked": sendit_blanked,
    "pydicom-blanking": pydicom_blanking,
    "deid-blanking": deid_blanking,
}


def main() -> None:
    tool, warm, source, out, table = sys.argv[1], *map(Path, sys.argv[2:6])
    os.environ["MESSAGELEVEL"] = "0"  # deid's: no progress on the terminal
    refused: Counter[str] = Counter()
    with contextlib.ExitStack() as closing:
        for folder, results in ((warm, out.with_suffix(".warm")), (source, out)):
            results.mkdir()
            one = TOOLS[tool](results, table, closing)
            paths = sorted(folder.iterdir())
            gc.collect()
            refused.clear()
            started, cpu = time.perf_counter(), time.process_time()
            for path in paths:
                try:
                    one(path)
                except (Exception, SystemExit) as error:  # noqa: BLE001  a peer may raise anything; it is counted
                    refused[type(error).__name__] += 1
            seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    out.with_suffix(".json").write_text(json.dumps({"seconds": seconds, "cpu": cpu, "refused": refused}), "utf-8")


if __name__ == "__main__":
    main()

"""What screening costs beside de-identifying, over the files of a folder: `python -m tests.bench.screening FOLDER`.

The header is inspected, the shipped rules decide, and the engine does its work, image by image as in the pipeline.
Prints the median of each in microseconds, as JSON.
"""

import io
import json
import statistics
import sys
import time
from pathlib import Path

from sendit import deid
from sendit.screen import Screen, Verdict, decision_of_file, default_rules

ROUNDS = 3


def main() -> None:
    """Measure and print."""
    profile, keys = deid.profile_named("research"), deid.Keyring(bytes(range(32)))
    screen = Screen(default_rules(), profile.options)
    spent: dict[str, list[float]] = {"inspect": [], "decide": [], "deidentify": []}
    for path in sorted(Path(sys.argv[1]).iterdir()) * ROUNDS:
        with path.open("rb", buffering=0) as source:
            times = [time.perf_counter()]
            header = deid.inspect(source)
            times.append(time.perf_counter())
            decision = decision_of_file(header.media_storage_sop_class_uid, header.sop_class_uid)
            decision = decision or screen.decide(header)
            times.append(time.perf_counter())
            if decision.verdict is not Verdict.ACCEPT:
                raise SystemExit(f"an image of the bench is rejected: {decision.rule}")
            deid.deidentify(source, io.BytesIO(), profile=profile, keys=keys, identify=keys.identifiers)
            times.append(time.perf_counter())
        for name, before, after in zip(spent, times, times[1:], strict=False):
            spent[name].append(after - before)
    sys.stdout.write(json.dumps({name: 1e6 * statistics.median(found) for name, found in spent.items()}))


if __name__ == "__main__":
    main()

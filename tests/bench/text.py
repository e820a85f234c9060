"""What looking for text costs, on one core and on two: `python -m tests.bench.text`. Prints JSON.

Synthetic ultrasounds of 1024 × 768, 8 bits, each with three lines of text; a process looks at all of its images, one
after the other, when its model is loaded. Seconds of the processor for one, and images a second of the clock for
one process and for two.
"""

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.data.burned_in import in_colours, with_text

from sendit.text.boxes import joined
from sendit.text.detector import detector

IMAGES = 12
_MOST = 256


def looked_at(start: float) -> tuple[float, float, float]:
    """Seconds of the processor for an image, and the clock's when this began and ended.

    It begins at `start`, that several processes work at the same time.
    """
    pictures = [in_colours(with_text(seed, 12, 255, inside=bool(seed % 2))[0]) for seed in range(IMAGES)]
    joined(detector().boxes(pictures[0]), _MOST)
    while time.time() < start:
        pass
    began, before = time.time(), time.process_time()
    for picture in pictures:
        joined(detector().boxes(picture), _MOST)
    return (time.process_time() - before) / IMAGES, began, time.time()


def main() -> None:
    """Measure and print."""
    found: dict[str, float] = {}
    for workers in (1, 2):
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            rounds = list(pool.map(looked_at, [time.time() + 10] * workers))
        clock = max(end for *_, end in rounds) - min(began for _, began, _ in rounds)
        found[f"cpu_{workers}"] = sum(cpu for cpu, *_ in rounds) / workers
        found[f"rate_{workers}"] = workers * IMAGES / clock
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()

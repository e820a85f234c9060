"""The Cloud Storage emulator as a process: `python -m sendit.emulators.gcs`."""

import argparse
import json
import os
import signal
from pathlib import Path

from sendit.emulators.gcs.messages import Refused
from sendit.emulators.gcs.server import GcsEmulator
from sendit.logs import setup
from sendit.settings import LogFormat, LogLevel

_ENDING = (signal.SIGTERM, signal.SIGINT)


def main() -> None:
    """Serve until SIGTERM or SIGINT. One line of JSON on standard output says the ports, once they answer."""
    parser = argparse.ArgumentParser(prog="python -m sendit.emulators.gcs", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of the HTTP listener; 0 finds a free one")
    parser.add_argument("--tls-port", type=int, default=0, help="of the HTTPS listener; 0 finds a free one")
    parser.add_argument("--certificate", type=Path, help="PEM file; without it there is no HTTPS listener")
    parser.add_argument("--key", type=Path, help="PEM file")
    parser.add_argument("--bucket", action="append", default=[], metavar="NAME", help="make it; may be repeated")
    options = parser.parse_args()
    setup(LogFormat.AUTO, LogLevel.AUTO)
    # before any thread starts, so that all of them inherit it and none is interrupted
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        emulator = GcsEmulator(
            options.port,
            tls_port=options.tls_port,
            certificate=options.certificate,
            key=options.key,
            buckets=options.bucket,
        )
    except Refused as refused:
        parser.error(refused.message)
    emulator.start()
    os.write(1, (json.dumps({"port": emulator.port, "tls_port": emulator.tls_port}) + "\n").encode())
    signal.sigwait(_ENDING)
    os._exit(0)  # at once: what is in memory is nobody's any more


if __name__ == "__main__":
    main()

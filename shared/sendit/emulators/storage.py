"""The Cloud Storage emulator of ours, as a part."""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from sendit.emulators.certificate import write_certificate
from sendit.emulators.part import Launch


def storage(pubsub_host: str, temporary: Path) -> Launch:
    """Cloud Storage on free ports, groups `port` and `tls_port` of what it says; it notifies at `pubsub_host`."""
    certificate, key = temporary / "localhost.pem", temporary / "localhost.key"
    write_certificate(certificate, key)

    def command() -> Sequence[str]:
        module = sys.executable, "-m", "sendit.emulators.gcs"
        return *module, "--port=0", "--tls-port=0", f"--certificate={certificate}", f"--key={key}"

    ready = re.compile(r'^\{"port": ?(?P<port>\d+), ?"tls_port": ?(?P<tls_port>\d+)\}$')
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SENDIT_")}
    environment = {**kept, "PUBSUB_EMULATOR_HOST": pubsub_host, "PYTHONUNBUFFERED": "1", "TMPDIR": str(temporary)}
    return Launch("Cloud Storage", command, ready, environment=environment)

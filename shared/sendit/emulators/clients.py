"""What lets gcloud, gsutil, the client libraries and sendit itself find the local cloud, and nothing but it."""

import os
from dataclasses import dataclass
from pathlib import Path

from sendit.emulators.ports import HOST
from sendit.emulators.resources import OUTPUT, PROJECT, STAGING
from sendit.files import create_private, make_private

_BOTO = """\
[Boto]
https_validate_certificates = False
num_retries = 3

[Credentials]
gs_json_host = {host}
gs_json_port = {tls_port}

[GSUtil]
default_project_id = {project}
state_dir = {state}
software_update_check_period = 0
disable_analytics_prompt = True
check_hashes = always
"""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the emulators listen, each as `host:port`. Cloud Storage also speaks TLS, for gsutil."""

    storage: str
    storage_tls_port: int
    firestore: str
    pubsub: str


def client_environment(addresses: Addresses, folder: Path, key_file: Path) -> dict[str, str]:
    """The variables to export. Writes what gcloud and gsutil keep of their own into `folder`."""
    gcloud, boto = folder / "gcloud", folder / "boto"
    make_private(gcloud)
    host, tls_port = HOST, addresses.storage_tls_port
    text = _BOTO.format(host=host, tls_port=tls_port, project=PROJECT, state=folder / "gsutil")
    create_private(boto, text.encode("utf-8", "surrogateescape"))
    return {
        "STORAGE_EMULATOR_HOST": f"http://{addresses.storage}",
        "FIRESTORE_EMULATOR_HOST": addresses.firestore,
        "PUBSUB_EMULATOR_HOST": addresses.pubsub,
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "SENDIT_STAGING": f"gs://{STAGING}",
        "SENDIT_OUTPUT": f"gs://{OUTPUT}",
        "SENDIT_KEY_FILE": str(key_file),
        "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": f"http://{addresses.storage}/storage/v1/",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CONFIG": str(gcloud),
        "CLOUDSDK_CORE_PROJECT": PROJECT,
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "true",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_CORE_PASS_CREDENTIALS_TO_GSUTIL": "false",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        "BOTO_CONFIG": str(boto),
        **_past_proxies(),
    }


def _past_proxies() -> dict[str, str]:
    """No proxy for the loopback, where there is a proxy at all."""
    names = {name.lower(): value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    if not names:
        return {}
    value = ",".join(filter(None, [names.get("no_proxy", ""), HOST, "localhost"]))
    return {"NO_PROXY": value, "no_proxy": value}

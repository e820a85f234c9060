"""The one place that knows which adapter stands behind which port.

`local` wires this machine, `cloud` what is light (finalize, status), `worker` what works on images in the cloud.
"""

"""DICOM encoding (PS3.5, PS3.10): reading untrusted bytes, and writing what a reader can trust."""

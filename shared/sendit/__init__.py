"""sendit takes folders of DICOM out of the clinic: de-identified, stored, every image accounted for."""

__version__ = "0.1.0"

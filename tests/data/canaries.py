"""Plants values that must not survive de-identification, and finds them wherever they may have gone.

Every value in here is to go under the Basic Profile with modified dates (PS3.15 Table E.1-1): no option of
that profile keeps it. Times of the day are planted only where they go too; a shift by whole days keeps
others. Dates lie two years apart, so that no date shifted by up to a year becomes another canary.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydicom import config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from tests.data.canary_search import Canary, find, search_tree
from tests.data.headers import CREATOR
from tests.data.objects import KINDS

__all__ = ["CANARY_FILE", "CANARY_FOLDER", "RETAINED", "Canary", "canary", "find", "planted", "search_tree"]

CANARY_FOLDER = Canary("CNRYFOLDERQX", "folder name")
CANARY_FILE = Canary("CNRYFILEQX", "file name")
DATES = 60
UTF_8 = "ISO_IR 192"

TOP_LEVEL = (
    "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID",
    "InstanceCreatorUID", "IrradiationEventUID", "DeviceUID", "TargetUID", "PatientID",
    "IssuerOfPatientID", "AccessionNumber", "StudyID", "AdmissionID", "ServiceEpisodeID",
    "IssuerOfAdmissionID", "PerformedProcedureStepID", "RequestedProcedureID", "DeviceSerialNumber",
    "StationName", "StationAETitle", "GantryID", "DetectorID", "PlateID", "CassetteID", "GeneratorID",
    "MedicalRecordLocator", "ClinicalTrialSubjectID", "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest", "UniqueDeviceIdentifier", "OtherPatientNames",
    "PatientBirthName", "PatientMotherBirthName", "ReferringPhysicianName", "ConsultingPhysicianName",
    "PhysiciansOfRecord", "PerformingPhysicianName", "NameOfPhysiciansReadingStudy", "OperatorsName",
    "RequestingPhysician", "ResponsiblePerson", "ScheduledPerformingPhysicianName", "OrderEnteredBy",
    "ContentCreatorName", "ReviewerName", "PatientBirthDate", "StudyDate", "SeriesDate",
    "AcquisitionDate", "ContentDate", "InstanceCreationDate", "AdmittingDate",
    "PerformedProcedureStepStartDate", "PerformedProcedureStepEndDate", "DateOfLastCalibration",
    "LastMenstrualDate", "AcquisitionDateTime", "StudyCompletionDate", "DateOfSecondaryCapture",
    "PatientBirthTime", "InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName",
    "PatientAddress", "PatientTelephoneNumbers", "PatientTelecomInformation", "CountryOfResidence",
    "RegionOfResidence", "CurrentPatientLocation", "PatientInstitutionResidence",
    "PatientReligiousPreference", "Occupation", "EthnicGroup", "MilitaryRank", "BranchOfService",
    "MedicalAlerts", "Allergies", "AdditionalPatientHistory", "PatientState", "SpecialNeeds",
    "PreMedication", "PatientSize", "PatientWeight", "ReferringPhysicianAddress",
    "ReferringPhysicianTelephoneNumbers", "StudyDescription", "SeriesDescription", "ProtocolName",
    "DerivationDescription", "AcquisitionProtocolDescription", "AdmittingDiagnosesDescription",
    "RequestedProcedureDescription", "PerformedProcedureStepDescription", "ReasonForStudy",
    "ReasonForVisit", "RequestingService", "LongDeviceDescription", "DeviceDescription", "LabelText",
    "PatientComments", "ImageComments", "StudyComments", "VisitComments", "AcquisitionComments",
    "CommentsOnThePerformedProcedureStep", "RequestedProcedureComments", "ImagingServiceRequestComments",
    "ImagePresentationComments", "TextComments", "Arbitrary",
)  # fmt: skip
"""Keywords planted in the object itself, each with one value legal for its VR."""

RETAINED = frozenset({"EthnicGroup", "PatientSize", "PatientWeight"})
"""Those of them that Retain Patient Characteristics keeps; they may be in images alone."""

NESTED = (
    "PatientName", "PatientID", "AccessionNumber", "OperatorsName", "StudyDate", "ContentDate",
    "AcquisitionDateTime", "InstitutionName", "FrameComments", "SeriesDescription",
    "ReferencedSOPInstanceUID", "FrameOfReferenceUID", "DeviceSerialNumber",
)  # fmt: skip
"""Keywords planted five sequences deep."""

KEPT_PATH = (
    "SharedFunctionalGroupsSequence", "CTAcquisitionTypeSequence", "CTAcquisitionDetailsSequence",
    "CTPositionSequence", "CTTableDynamicsSequence",
)  # fmt: skip
"""Sequences that the profile does not name: they stay, and so their items have to be cleaned."""

REMOVED_PATH = (
    "RequestAttributesSequence", "ReferencedStudySequence", "PurposeOfReferenceCodeSequence",
    "EquivalentCodeSequence", "OtherPatientIDsSequence",
)  # fmt: skip
"""Sequences that the profile removes, with all that is in them."""


def canary(n: int, vr: str = "LO") -> str:
    """Return the n-th canary of a VR: distinct, legal, and not a part of another one.

    Raises:
        ValueError: If n has no canary; there are DATES dates, 10,000 of the rest.
    """
    if not 0 <= n < (DATES if vr in ("DA", "DT") else 10_000):
        raise ValueError(f"no canary {n} of VR {vr}")
    if vr in ("DA", "DT"):
        return f"{1871 + 2 * n}0413"
    if vr == "TM":
        return f"0317{n % 60:02d}.{918273 + n}"
    if vr == "UI":
        return f"1.2.826.0.1.3680043.8.498.90413{n:05d}7"
    if vr == "DS":
        return f"73.{n:04d}19283"
    return f"CNRY{n:04d}QX"


def planted(kind: str = "ct", *, after_nul: bool = True) -> tuple[Dataset, tuple[Canary, ...]]:
    """Return an object of this kind with canaries all over it, and the list of them.

    The preamble and File Meta come with the dataset; `tests.data.objects.to_bytes` writes them.

    Args:
        kind: A key of `tests.data.objects.KINDS`.
        after_nul: Whether text is also hidden after a NUL within a kept LO and a remapped UI, which some
            readers call malformed.
    """
    ds = KINDS[kind]()
    ds.SpecificCharacterSet = UTF_8
    planter = _Planter()
    for keyword in TOP_LEVEL:
        planter.keyword(ds, keyword, "")
    planter.names(ds)
    planter.identifiers(ds)
    planter.nested(ds, KEPT_PATH)
    planter.nested(ds, REMOVED_PATH)
    planter.private(ds, "")
    planter.unknown(ds)
    planter.graphics(ds)
    planter.file_meta(ds)
    if after_nul:
        planter.after_nul(ds)
    return ds, tuple(planter.canaries)


@dataclass(slots=True)
class _Planter:
    canaries: list[Canary] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def new(self, where: str, vr: str = "LO") -> str:
        """Return a fresh canary, noted under where it goes."""
        counter = {"DT": "DA"}.get(vr, vr if vr in ("DA", "TM", "UI", "DS") else "text")
        number = self.counts.get(counter, 0)
        self.counts[counter] = number + 1
        value = canary(number, vr)
        self.canaries.append(Canary(value, where))
        return value

    def keyword(self, ds: Dataset, keyword: str, path: str) -> None:
        """Set a public element to a fresh canary."""
        tag = tag_for_keyword(keyword)
        if tag is None:
            raise KeyError(keyword)
        vr = dictionary_VR(tag)
        value = self.new(f"{path}{keyword}", vr)
        if vr == "PN":
            value += "^Given"
        elif vr == "DT":
            value += "031759.5+0100"
        ds.add_new(tag, vr, value)

    def names(self, ds: Dataset) -> None:
        """Set Patient's Name: five components, and the ideographic and phonetic groups (PS3.5 6.2.1)."""
        parts = ("family", "given", "middle", "prefix", "suffix")
        groups = ["^".join(self.new(f"PatientName {part} name") for part in parts)]
        for group, stem in (("ideographic", "金絲雀鳥籠測"), ("phonetic", "かなりあしけんよう")):
            self.canaries.append(Canary(stem, f"PatientName {group} group"))
            groups.append(f"{stem}^{self.new(f'PatientName {group} group, given')}")
        ds.PatientName = "=".join(groups)

    def identifiers(self, ds: Dataset) -> None:
        """Set Other Patient IDs, both as a multi-valued element and as a sequence."""
        ds.add_new("OtherPatientIDs", "LO", [self.new("OtherPatientIDs 1"), self.new("OtherPatientIDs 2")])
        other = Dataset()
        for keyword in ("PatientID", "IssuerOfPatientID"):
            self.keyword(other, keyword, "OtherPatientIDsSequence > ")
        ds.OtherPatientIDsSequence = Sequence([other])

    def nested(self, ds: Dataset, path: tuple[str, ...]) -> None:
        """Set canaries in the innermost of nested sequences, private ones among them."""
        where = " > ".join(path) + " > "
        inner = Dataset()
        for keyword in NESTED:
            self.keyword(inner, keyword, where)
        self.private(inner, where)
        for keyword in reversed(path):
            outer = Dataset()
            setattr(outer, keyword, Sequence([inner]))
            inner = outer
        ds.update(inner)

    def private(self, ds: Dataset, path: str) -> None:
        """Set private elements of many VRs, and a private creator that is itself a name."""
        block = ds.private_block(0x0029, CREATOR, create=True)
        for offset, vr in enumerate(("LO", "SH", "PN", "DA", "TM", "UI", "LT", "UT", "CS", "DS"), start=0x20):
            block.add_new(offset, vr, self.new(f"{path}private {vr}", vr))
        for offset, vr in ((0x40, "OB"), (0x41, "UN")):
            block.add_new(offset, vr, _even(f"bytes {self.new(f'{path}private {vr}')}"))
        nested = Dataset()
        self.keyword(nested, "PatientID", f"{path}private SQ > ")
        block.add_new(0x42, "SQ", Sequence([nested]))
        named = ds.private_block(0x0033, self.new(f"{path}private creator"), create=True)
        named.add_new(0x01, "LO", self.new(f"{path}private LO of a named creator"))
        ds.add_new(0x00351001, "LO", self.new(f"{path}private LO without a creator"))

    def unknown(self, ds: Dataset) -> None:
        """Set public elements that no dictionary knows, and known ones written as UN."""
        ds.add_new(0x0018FFF1, "LO", self.new("unknown public LO"))
        ds.add_new(0x0020FFF3, "UN", _even(self.new("unknown public UN")))
        ds.add_new("InsurancePlanIdentification", "UN", _even(self.new("InsurancePlanIdentification as UN")))

    def graphics(self, ds: Dataset) -> None:
        """Set an overlay, a curve, and the padding after the pixel data."""
        ds.add_new(0x60000010, "US", 16)
        ds.add_new(0x60000011, "US", 16)
        ds.add_new(0x60000040, "CS", "G")
        ds.add_new(0x60000050, "SS", [1, 1])
        ds.add_new(0x60000100, "US", 1)
        ds.add_new(0x60000102, "US", 0)
        ds.add_new(0x60003000, "OB", self.new("Overlay Data").encode().ljust(32, b"\0"))
        ds.add_new(0x60000022, "LO", self.new("Overlay Description"))
        ds.add_new(0x60001500, "LO", self.new("Overlay Label"))
        ds.add_new(0x60004000, "LT", self.new("Overlay Comments"))
        ds.add_new(0x60020022, "LO", self.new("Overlay Description of a second overlay"))
        ds.add_new(0x50000022, "LO", self.new("Curve Description"))
        ds.add_new(0x50003000, "OB", _even(self.new("Curve Data")))
        ds.add_new(0xFFFCFFFC, "OB", _even(self.new("Data Set Trailing Padding")))

    def file_meta(self, ds: Dataset) -> None:
        """Set the preamble, and the File Meta elements that name systems or hold private bytes."""
        ds.preamble = self.new("preamble").encode().ljust(128, b"\0")
        meta = FileMetaDataset()
        for tag, name in ((0x00020016, "Source"), (0x00020017, "Sending"), (0x00020018, "Receiving")):
            meta.add_new(tag, "AE", self.new(f"File Meta {name} Application Entity Title"))
        meta.add_new(0x00020100, "UI", self.new("File Meta Private Information Creator UID", "UI"))
        meta.add_new(0x00020102, "OB", _even(self.new("File Meta Private Information")))
        ds.file_meta = meta

    def after_nul(self, ds: Dataset) -> None:
        """Hide text behind the NUL that ends a value."""
        kept = f"Made Up\0{self.new('Manufacturer, after NUL')}"
        mapped = f"{canary(0, 'UI')}.1\0{self.new('SynchronizationFrameOfReferenceUID, after NUL')}"
        for tag, vr, value in ((0x00080070, "LO", kept), (0x00200200, "UI", mapped)):
            ds[tag] = DataElement(tag, vr, value, validation_mode=config.IGNORE)


def _even(text: str) -> bytes:
    return text.encode() + b"\0" * (len(text) % 2)

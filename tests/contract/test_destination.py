"""What every `Destination` must do. A new adapter adds a rig and a parameter."""

import pytest
from tests.contract.destinations import DicomwebRig, Rig

from sendit.deadline import ENDLESS, Deadline
from sendit.destination import Sendable
from sendit.errors import Code, TransientError

LARGE = 5 * 1024 * 1024 + 11
"""More than is held in memory at one time."""


@pytest.fixture(params=["dicomweb"])
def rig(request: pytest.FixtureRequest) -> Rig:
    return DicomwebRig(request.getfixturevalue("archive"), request.getfixturevalue("tmp_path"))


def sent(rig: Rig, images: list[Sendable], deadline: Deadline = ENDLESS) -> list[Code | None]:
    """The codes of the receipts, which are those of the images, in their order."""
    receipts = list(rig.destination.send(images, rig.images.output, deadline))
    assert [receipt.image for receipt in receipts] == images[: len(receipts)]
    return [receipt.code for receipt in receipts]


def test_images_arrive_byte_for_byte_and_have_receipts_in_their_order(rig: Rig) -> None:
    images = rig.images.some(40)
    assert sent(rig, images) == [None] * 40
    assert sorted(rig.held()) == sorted(map(rig.images.data, images))


def test_an_image_larger_than_what_goes_at_one_time_arrives(rig: Rig) -> None:
    images = [rig.images.add(size=LARGE), rig.images.add()]
    assert sent(rig, images) == [None] * 2
    assert sorted(rig.held()) == sorted(map(rig.images.data, images))


def test_sent_again_nothing_is_doubled(rig: Rig) -> None:
    images = rig.images.some(5)
    sent(rig, images)
    assert sent(rig, images) == [None] * 5
    assert len(rig.held()) == 5


def test_what_was_sent_in_part_is_completed(rig: Rig) -> None:
    images = rig.images.some(7)
    sent(rig, images[2:4])
    assert sent(rig, images) == [None] * 7
    assert len(rig.held()) == 7


def test_other_content_in_an_images_place_is_a_conflict_and_stays(rig: Rig) -> None:
    images = rig.images.some(3)
    other = rig.images.other(images[1])
    rig.plant(images[1], other)
    assert sent(rig, images) == [None, Code.CONFLICT, None]
    assert sorted(rig.held()) == sorted([rig.images.data(images[0]), other, rig.images.data(images[2])])


@pytest.mark.parametrize("size", [32, LARGE])
def test_an_image_that_is_gone_or_damaged_is_not_sent_and_the_others_are(rig: Rig, size: int) -> None:
    images = [rig.images.add(size=size) for _ in range(4)]
    rig.images.remove(images[1])
    rig.images.damage(images[2])
    assert sent(rig, images) == [None, Code.OUTPUT_MISSING, Code.OUTPUT_DAMAGED, None]
    assert sorted(rig.held()) == sorted([rig.images.data(images[0]), rig.images.data(images[3])])


def test_what_was_taken_away_there_is_lost_and_sent_again(rig: Rig) -> None:
    images = sorted(rig.images.some(5), key=lambda image: image.output)
    sent(rig, images)
    assert rig.destination.lost(images, rig.images.output) is None
    rig.remove(images[1])
    rig.remove(images[3])
    assert rig.destination.lost(images, rig.images.output) == images[1]
    assert rig.destination.lost(images[2:], rig.images.output) == images[3]
    assert rig.destination.lost(images, rig.images.output, Deadline.after(0.0)) is None
    assert sent(rig, images[1:]) == [None] * 4
    assert sorted(rig.held()) == sorted(map(rig.images.data, images))


def test_nothing_is_begun_when_the_deadline_is_near(rig: Rig) -> None:
    assert sent(rig, rig.images.some(3), Deadline.after(0.0)) == []
    assert rig.held() == []


def test_of_nothing_there_are_no_receipts(rig: Rig) -> None:
    assert sent(rig, []) == []


def test_a_destination_out_of_reach_is_transient(rig: Rig) -> None:
    images = rig.images.some(2)
    rig.cut_off()
    with pytest.raises(TransientError) as error:
        sent(rig, images)
    assert error.value.code is Code.DESTINATION_UNAVAILABLE


def test_its_name_has_no_credentials(rig: Rig) -> None:
    assert "@" not in rig.destination.name

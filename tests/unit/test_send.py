"""The use case that sends a batch on, over real stores and a destination that does as it is told."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sendit.adapters.folder_output import FolderOutput
from sendit.adapters.sqlite_status import SqliteStatusStore
from sendit.deadline import ENDLESS, Deadline
from sendit.deliveries import MAX_FAILURES_KEPT, Delivery, DeliveryState, ImageFailure
from sendit.destination import Destination, Reading, Receipt, Sendable
from sendit.errors import Code, DestinationError, ImageError, LeaseHeld, LeaseLost, TransientError
from sendit.lease import LeaseTerms
from sendit.ports import OutputStore
from sendit.records import Batch, BatchState, Counts, Image, ImageState, Lease
from sendit.send import Sending, Sent, needs_sending, send

IMAGES = 6


class Place:
    """A destination that keeps what it gets, and does what `before` says before each image."""

    def __init__(self, name: str = "gs://there", before: Callable[[Sendable], Code | None] = lambda _: None) -> None:
        self.name = name
        self.before = before
        self.held: dict[str, bytes] = {}
        self.asked: list[list[str]] = []
        self.whole_studies = False

    def lost(self, images: Sequence[Sendable], output: OutputStore, deadline: Deadline = ENDLESS) -> Sendable | None:
        return next((image for image in images if image.output not in self.held), None)

    def send(self, images: Sequence[Sendable], output: OutputStore, deadline: Deadline = ENDLESS) -> Iterator[Receipt]:
        self.asked.append([image.output for image in images])
        for image in images:
            if deadline.near:
                return
            code = self.before(image)
            if code is None:
                try:
                    self.held[image.output] = Reading(image, output).whole()
                except ImageError as error:
                    code = error.code
            yield Receipt(image, code)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


class World:
    """A batch at rest with some images in the output store, the last of which is a duplicate of the first."""

    def __init__(self, folder: Path) -> None:
        self.store = SqliteStatusStore(folder / "status.sqlite3")
        self.out = folder / "out"
        self.out.mkdir()
        self.output = FolderOutput(self.out)
        self.clock = Clock()
        self.lease_terms = LeaseTerms(90, 20)

    def rest(self, *destinations: str, states: Sequence[ImageState] = (ImageState.DONEPROCESSING,) * IMAGES) -> None:
        now = self.clock()
        lease = Lease("worker", now + timedelta(seconds=90))
        self.store.register(Batch("b1", "ST-1", BatchState.QUEUE, 7, now, now))
        self.store.claim("b1", lease, now)
        images = [self.image(number, state) for number, state in enumerate(states)]
        fresh = [Image(one.id, "b1", ImageState.NEW, one.times) for one in images]
        self.store.add_images("b1", lease, fresh, now)
        stored = sum(state is ImageState.DONEPROCESSING for state in states)
        counts = Counts(len(states), stored, 0, len(states) - stored)
        self.store.save_outcomes("b1", lease, images, counts, (), now)
        self.store.finish("b1", lease, BatchState.DONEPROCESSING, (), now, destinations)

    def image(self, number: int, state: ImageState = ImageState.DONEPROCESSING) -> Image:
        times = ((ImageState.NEW, self.clock()),)
        if state is not ImageState.DONEPROCESSING:
            return Image(f"i{number}", "b1", state, times, code=Code.NOT_DICOM)
        kept = 0 if number == IMAGES - 1 else number  # the last one is the first once more
        with self.output.create(f"P/1/2/{kept}.dcm") as pending:
            pending.write(b"image %d" % kept)
            stored = pending.commit()
        return Image(
            f"i{number}",
            "b1",
            state,
            times,
            output=stored.name,
            output_bytes=stored.size,
            output_crc32c=stored.crc32c,
            duplicate=not stored.created,
        )

    def send(
        self, *destinations: Destination, deadline: Deadline = ENDLESS, whole: bool = True, anew: bool = False
    ) -> Sent:
        return send("b1", self.sending(*destinations, whole=whole, anew=anew), deadline)

    def sending(self, *destinations: Destination, whole: bool = True, anew: bool = False) -> Sending:
        return Sending(self.store, self.output, destinations, self.clock, self.lease_terms, 3, whole, anew)

    def batch(self) -> Batch:
        found = self.store.batch("b1")
        assert found is not None
        return found

    def delivery(self, name: str = "gs://there") -> Delivery:
        return next(one for one in self.batch().deliveries if one.destination == name)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    with closing(world.store):
        yield world


def names(*numbers: int) -> list[str]:
    return [f"P/1/2/{number}.dcm" for number in numbers]


def unavailable(*_: object) -> Code | None:
    raise TransientError(Code.DESTINATION_UNAVAILABLE)


def refusing(*_: object) -> Code | None:
    raise DestinationError(Code.DESTINATION_REFUSED)


def test_what_is_at_every_destination_is_done_with_its_images(world: World) -> None:
    world.rest("gs://there", "gs://too")
    one, two = Place(), Place("gs://too")
    sent = world.send(one, two)
    assert sent == Sent(world.batch())
    assert (sent.batch.state, sent.batch.lease, sent.batch.has_error) == (BatchState.DONE, None, False)
    assert one.held == two.held
    assert one.held == {name: (world.out / name).read_bytes() for name in names(0, 1, 2, 3, 4)}
    assert one.asked == [names(0, 1, 2, 3, 4)]  # in order, and a duplicate once
    for image in world.store.images("b1"):
        times = dict(image.times)
        assert image.state is ImageState.DONE
        assert times[ImageState.NEW] < times[ImageState.SENT] <= times[ImageState.DONE]
    delivery = world.delivery()
    assert (delivery.state, delivery.sent, delivery.failed, delivery.code) == (DeliveryState.DONE, 5, 0, None)


def test_one_that_is_down_waits_and_a_retry_sends_to_it_alone(world: World) -> None:
    world.rest("gs://there", "gs://too", "gs://down")
    one, two, down = Place(), Place("gs://too"), Place("gs://down", unavailable)
    sent = world.send(one, two, down)
    assert (sent.unavailable, sent.to_go_on) == (Code.DESTINATION_UNAVAILABLE, False)
    batch = world.batch()
    assert (batch.state, batch.waits, batch.lease) == (BatchState.DONEPROCESSING, True, None)
    assert [delivery.state for delivery in batch.deliveries] == ["DONE", "DONE", "WAITING"]
    assert {image.state for image in world.store.images("b1")} == {ImageState.DONEPROCESSING}
    down.before = lambda _: None
    assert world.send(one, two, down).batch.state is BatchState.DONE
    assert (len(one.asked), len(two.asked), len(down.held)) == (1, 1, 5)


def test_what_one_attempt_has_sent_the_next_does_not_send_again(world: World) -> None:
    world.rest("gs://there")

    def breaks(image: Sendable) -> Code | None:
        return unavailable() if image.output == names(3)[0] else None

    place = Place(before=breaks)
    world.send(place)
    delivery = world.delivery()
    assert (delivery.sent, delivery.through, delivery.attempts) == (3, names(2)[0], 0)
    place.before = lambda _: None
    assert world.send(place).batch.state is BatchState.DONE
    assert place.asked == [names(0, 1, 2, 3, 4), names(3, 4)]
    assert world.delivery().sent == 5


def test_one_that_needs_whole_studies_is_given_all_of_a_study_that_it_has_in_part(world: World) -> None:
    world.rest("gs://there")
    place = Place(before=lambda image: unavailable() if image.output in names(3) else None)
    place.whole_studies = True
    world.send(place)
    place.before = lambda _: None
    assert world.send(place).batch.state is BatchState.DONE
    assert place.asked == [names(0, 1, 2, 3, 4)] * 2


def test_an_image_that_is_refused_keeps_no_other_back_and_is_named(world: World) -> None:
    world.rest("gs://there")
    place = Place(before=lambda image: Code.CONFLICT if image.output in names(1, 3) else None)
    sent = world.send(place)
    assert (sent.unavailable, sent.to_go_on) == (None, False)
    delivery = world.delivery()
    assert (delivery.state, delivery.sent, delivery.failed) == (DeliveryState.ERROR, 3, 2)
    assert delivery.failures == (ImageFailure("i1", Code.CONFLICT), ImageFailure("i3", Code.CONFLICT))
    assert (sent.batch.state, sent.batch.has_error, sent.batch.waits) == (BatchState.DONEPROCESSING, True, False)
    place.before = lambda _: None
    assert world.send(place).batch.state is BatchState.DONE
    assert place.asked[1] == names(1, 2, 3, 4)  # from the first that was refused
    assert not world.batch().has_error


def test_of_many_failures_some_are_kept_and_all_are_counted(world: World) -> None:
    world.rest("gs://there", states=(ImageState.DONEPROCESSING,) * (MAX_FAILURES_KEPT + 5))
    world.send(Place(before=lambda _: Code.INSTANCE_REFUSED))
    delivery = world.delivery()
    assert (len(delivery.failures), delivery.failed) == (MAX_FAILURES_KEPT, MAX_FAILURES_KEPT + 4)


def test_one_that_does_not_let_us_in_is_an_error_at_once_and_the_others_go_on(world: World) -> None:
    world.rest("gs://there", "gs://shut")
    sent = world.send(Place(), Place("gs://shut", refusing))
    assert (sent.unavailable, sent.to_go_on) == (None, False)
    assert world.delivery().state is DeliveryState.DONE
    assert (world.delivery("gs://shut").state, world.delivery("gs://shut").code) == (
        DeliveryState.ERROR,
        Code.DESTINATION_REFUSED,
    )
    assert (world.batch().has_error, world.batch().waits) == (True, False)


def test_attempts_in_vain_are_counted_until_one_brings_an_image_there_or_they_are_too_many(world: World) -> None:
    world.rest("gs://there")
    place = Place(before=unavailable)
    for attempt in (1, 2):
        world.send(place)
        assert (world.delivery().attempts, world.delivery().state) == (attempt, DeliveryState.WAITING)
    place.before = lambda image: None if image.output in names(0) else unavailable()
    world.send(place)
    assert (world.delivery().attempts, world.delivery().sent) == (0, 1)
    for _ in range(3):
        world.send(place)
    assert (world.delivery().attempts, world.delivery().state) == (3, DeliveryState.ERROR)
    assert (world.batch().waits, world.delivery().code) == (False, Code.DESTINATION_UNAVAILABLE)


def test_an_attempt_whose_time_is_up_says_that_there_is_more(world: World) -> None:
    world.rest("gs://there")
    deadline = Deadline(1.0, 0.0)  # long over
    sent = world.send(Place(), deadline=deadline)
    assert (sent.unavailable, sent.to_go_on, sent.batch.waits) == (None, True, True)
    assert (world.delivery().code, world.delivery().sent) == (Code.OUT_OF_TIME, 0)


def test_an_image_that_is_gone_from_the_output_is_a_failure_of_its_own(world: World) -> None:
    world.rest("gs://there")
    (world.out / names(1)[0]).unlink()
    (world.out / names(2)[0]).write_bytes(b"another")
    place = Place()
    world.send(place)
    assert world.delivery().failures == (
        ImageFailure("i1", Code.OUTPUT_MISSING),
        ImageFailure("i2", Code.OUTPUT_DAMAGED),
    )
    assert sorted(place.held) == names(0, 3, 4)


def test_failed_images_are_not_sent_and_keep_their_state(world: World) -> None:
    world.rest("gs://there", states=(ImageState.DONEPROCESSING, ImageState.ERROR))
    assert world.send(Place()).batch.state is BatchState.DONE
    assert sorted(image.state for image in world.store.images("b1")) == ["DONE", "ERROR"]


def test_a_batch_of_which_an_image_was_done_again_is_sent_anew(world: World) -> None:
    world.rest("gs://there")
    place = Place()
    world.send(place)
    world.store.requeue("b1", ["i2"], world.clock())
    lease = Lease("worker", world.clock() + timedelta(seconds=90))
    world.store.claim("b1", lease, world.clock())
    (world.out / names(2)[0]).unlink()
    with world.output.create(names(2)[0]) as pending:
        pending.write(b"other bytes")
        stored = pending.commit()
    again = Image(
        "i2",
        "b1",
        ImageState.DONEPROCESSING,
        ((ImageState.NEW, world.clock()),),
        output=stored.name,
        output_bytes=stored.size,
        output_crc32c=stored.crc32c,
    )
    world.store.save_outcomes("b1", lease, [again], Counts(6, 6, 0, 0, 1), (), world.clock())
    world.store.finish("b1", lease, BatchState.DONEPROCESSING, (), world.clock(), ("gs://there",))
    assert needs_sending(world.batch(), world.sending(place))
    assert world.send(place).batch.state is BatchState.DONE
    assert place.asked[1] == names(0, 1, 2, 3, 4)


def test_one_more_destination_leaves_the_others_as_they_are(world: World) -> None:
    world.rest("gs://there", "gs://down")
    world.send(Place(), Place("gs://down", unavailable))
    world.send(Place("gs://more"), whole=False)
    assert [(one.destination, one.state) for one in world.batch().deliveries] == [
        ("gs://there", "DONE"),
        ("gs://down", "WAITING"),
        ("gs://more", "DONE"),
    ]
    assert world.batch().state is BatchState.DONEPROCESSING


def test_what_waits_for_a_destination_that_is_none_any_more_is_an_error(world: World) -> None:
    world.rest("gs://gone", "gs://there")
    sent = world.send(Place())
    assert (sent.batch.waits, sent.batch.has_error) == (False, True)
    assert world.delivery("gs://gone").code is Code.DESTINATION_UNKNOWN


def test_a_defect_of_one_destination_does_not_take_the_others_along(world: World) -> None:
    world.rest("gs://there", "gs://broken")
    world.send(Place(), Place("gs://broken", lambda _: 1 / 0))  # type: ignore[arg-type,return-value]
    assert world.delivery().state is DeliveryState.DONE
    assert world.delivery("gs://broken").code is Code.INTERNAL_ERROR


def test_whoever_is_late_stays_out_and_whoever_lost_the_batch_stops(world: World) -> None:
    world.rest("gs://there")
    inside, go_on = threading.Event(), threading.Event()

    def waits(_: Sendable) -> Code | None:
        inside.set()
        assert go_on.wait(20)
        return None

    ended: list[BaseException] = []

    def sends() -> None:
        try:
            world.send(Place(before=waits))
        except LeaseLost as error:
            ended.append(error)

    thread = threading.Thread(target=sends)
    thread.start()
    assert inside.wait(20)
    with pytest.raises(LeaseHeld):
        world.send(Place())
    world.store.break_leases()
    assert world.send(Place()).batch.state is BatchState.DONE
    go_on.set()
    thread.join(20)
    assert len(ended) == 1
    assert world.batch().state is BatchState.DONE


def test_what_needs_sending(world: World) -> None:
    world.rest("gs://there")
    place, more = Place(), Place("gs://more")
    assert needs_sending(world.batch(), world.sending(place))
    assert needs_sending(world.batch(), world.sending())  # what it waits for is none any more
    assert not needs_sending(world.batch(), world.sending(whole=False))
    batch = world.send(place).batch
    assert not needs_sending(batch, world.sending(place))
    assert needs_sending(batch, world.sending(place, more))


def test_a_batch_that_is_everywhere_without_saying_so_is_done_by_whoever_looks_next(world: World) -> None:
    world.rest("gs://there")
    place = Place()
    done = world.send(place).batch.deliveries
    world.store.requeue("b1", (), world.clock())
    lease = Lease("worker", world.clock() + timedelta(seconds=90))
    world.store.claim("b1", lease, world.clock())
    world.store.finish("b1", lease, BatchState.DONEPROCESSING, (), world.clock())
    world.store.take_up("b1", lease, world.clock())
    world.store.save_deliveries("b1", lease, done, world.clock())
    world.store.release("b1", lease, None, world.clock())
    assert needs_sending(world.batch(), world.sending(place))
    assert world.send(place).batch.state is BatchState.DONE
    assert len(place.asked) == 1


def test_an_output_that_cannot_be_read_is_no_defect_and_is_tried_again(world: World) -> None:
    world.rest("gs://there")
    (world.out / names(1)[0]).unlink()
    (world.out / names(1)[0]).mkdir()
    sent = world.send(Place())
    assert (sent.unavailable, world.delivery().state) == (Code.OUTPUT_UNAVAILABLE, DeliveryState.WAITING)
    assert world.delivery().sent == 1


def test_attempts_that_bring_nothing_new_are_in_vain_though_they_look_at_what_was_there_once_more(world: World) -> None:
    world.rest("gs://there")

    def faulty(image: Sendable) -> Code | None:
        return unavailable() if image.output in names(3) else Code.CONFLICT if image.output in names(0) else None

    place = Place(before=faulty)
    for attempt in range(4):
        world.send(place)
        assert (world.delivery().sent, world.delivery().attempts) == (2, attempt)
    assert world.delivery().state is DeliveryState.ERROR


def test_asked_for_anew_a_destination_is_looked_through_though_it_had_all(world: World) -> None:
    world.rest("gs://there")
    place = Place()
    world.send(place)
    assert world.send(place).batch.state is BatchState.DONE
    place.held.clear()
    sent = world.send(place, whole=False, anew=True)
    assert (sent.batch.state, len(place.held), len(place.asked)) == (BatchState.DONE, 5, 2)


def test_what_an_earlier_attempt_sent_and_is_gone_since_is_sent_again(world: World) -> None:
    world.rest("gs://there")
    place = Place(before=lambda image: unavailable() if image.output in names(4) else None)
    world.send(place)
    assert world.delivery().sent == 4
    del place.held[names(1)[0]]
    place.before = lambda _: None
    assert world.send(place).batch.state is BatchState.DONE
    assert (place.asked[1], sorted(place.held)) == (names(1, 2, 3, 4), names(0, 1, 2, 3, 4))
    assert world.delivery().sent == 5


def test_what_could_not_be_looked_for_in_time_is_not_said_to_be_there(world: World) -> None:
    world.rest("gs://there")
    place = Place()
    done = world.send(place).batch.deliveries
    world.store.requeue("b1", (), world.clock())
    lease = Lease("worker", world.clock() + timedelta(seconds=90))
    world.store.claim("b1", lease, world.clock())
    world.store.finish("b1", lease, BatchState.DONEPROCESSING, (), world.clock(), ("gs://there",))
    assert world.batch().deliveries[0].through == done[0].through
    sent = world.send(place, deadline=Deadline(1.0, 0.0))  # long over
    assert (sent.batch.state, sent.batch.waits, sent.to_go_on) == (BatchState.DONEPROCESSING, True, True)
    assert world.send(place).batch.state is BatchState.DONE

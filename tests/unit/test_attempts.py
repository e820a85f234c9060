"""What is said of a batch that is given up."""

from dataclasses import replace
from datetime import UTC, datetime

from sendit.attempts import used_up
from sendit.errors import SENTENCES, Code
from sendit.records import Batch, BatchState, ErrorEntry

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
BATCH = Batch("b1", "ACCESSION-4711", BatchState.PROCESSING, 7, NOON, NOON, attempt=25, failures=21)
COUNTED = "The batch was given up after 25 attempts; the last 21 settled no image."


def test_it_says_how_many_attempts_there_were_and_what_was_said_last() -> None:
    sentence = SENTENCES[Code.OUTPUT_UNAVAILABLE]
    entry = used_up(replace(BATCH, last_failure=ErrorEntry(Code.OUTPUT_UNAVAILABLE, sentence, NOON)), NOON)
    assert (entry.code, entry.at, entry.image_id) == (Code.ATTEMPTS_USED_UP, NOON, None)
    assert entry.sentence == f"{COUNTED} What was said last: {sentence}"


def test_of_workers_that_died_without_a_word_it_says_so() -> None:
    assert used_up(BATCH, NOON).sentence.startswith(f"{COUNTED} No worker said why; ")


def test_it_never_holds_the_batchs_name() -> None:
    assert "4711" not in used_up(BATCH, NOON).sentence

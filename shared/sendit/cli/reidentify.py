"""`sendit reidentify`: look-ups in the crosswalk, and who has made some."""

import os
import pwd
from typing import Annotated

import typer

from sendit.cli.console import say, say_json, show_table
from sendit.cli.options import Json, settings_with
from sendit.crosswalk import Asked, Kind, LookUp, Replaced
from sendit.errors import Code, UsageError
from sendit.reidentify import Found, Question, look_up
from sendit.wiring.crosswalk import broker
from sendit.wiring.parts import now


def reidentify(
    patient: Annotated[str | None, typer.Option(metavar="PSEUDONYM", help="A Patient ID of an output.")] = None,
    uid: Annotated[
        str | None, typer.Option(metavar="UID", help="A Study, Series or SOP Instance UID of an output.")
    ] = None,
    accession: Annotated[str | None, typer.Option(metavar="A", help="An Accession Number of an output.")] = None,
    reason: Annotated[
        str, typer.Option(help="Why; needed, and recorded before the answer is shown. Name no patient in it.")
    ] = "",
    audit: Annotated[bool, typer.Option("--audit", help="List who has looked what up, when and why.")] = False,
    as_json: Json = False,
) -> None:
    """Say what a pseudonym or a UID of an output was before, by the crosswalk.

    There is one where SENDIT_CROSSWALK=on was set when the images were stored: in SENDIT_HOME, or, where
    SENDIT_STAGING is set, in the cloud's database SENDIT_CROSSWALK_DATABASE. It is encrypted; whoever holds its key
    can look up.

    Example:  sendit reidentify --uid 2.25.33 --reason "incidental finding, ethics 12/26"

    Every look-up is recorded first; if it cannot be, nothing is shown. Exit status: 0 found; 1 not found, or it
    failed; 2 usage.
    """
    wanted = {Asked.PATIENT: patient, Asked.UID: uid, Asked.ACCESSION: accession}
    given = [(asked, value) for asked, value in wanted.items() if value is not None]
    if (given or reason) if audit else len(given) != 1:
        raise UsageError(Code.BAD_SETTING, "Give one of --patient, --uid and --accession, with --reason; or --audit.")
    settings = settings_with()
    if audit:
        with broker(settings) as asked_of:
            _show_lookups(asked_of.store.lookups(), as_json=as_json)
        return
    ((asked, value),) = given
    question = Question(asked, value, _user(), reason)
    with broker(settings) as asked_of:
        found = look_up(question, asked_of.key(), asked_of.store, now)
    if as_json:
        say_json([_fields(one) for one in found])
        return
    for number, one in enumerate(found):
        if number:
            say("")
        _show(one)


def _show(found: Found) -> None:
    entry = found.entry
    rows: list[tuple[str, Replaced | None]] = [
        ("Patient ID", entry.patient),
        ("Issuer of Patient ID", Replaced("", entry.issuer) if entry.issuer else None),
        ("Accession Number", entry.value if entry.kind is Kind.ACCESSION else entry.accession),
        ("Study Instance UID", entry.value if entry.kind is Kind.STUDY else entry.study),
        ("Series Instance UID", entry.value if entry.kind is Kind.SERIES else entry.series),
        ("SOP Instance UID", entry.value if entry.kind is Kind.INSTANCE else None),
    ]
    show_table(["what", "in the output", "original"], [[name, one.new, one.original] for name, one in rows if one])
    moved = "later" if entry.shift_days < 0 else "earlier"
    say(f"Dates became {abs(entry.shift_days)} days {moved}. Project key: {entry.key_id}.")
    for batch_id, at in found.batches:
        say(f"Written {at:%Y-%m-%d %H:%M:%S}Z, batch {batch_id}.")


def _fields(found: Found) -> dict[str, object]:
    """An entry for scripts."""
    entry = found.entry
    told = {"study": entry.study, "series": entry.series, "accession": entry.accession}
    return {
        "kind": entry.kind,
        **_pair(entry.value),
        "patient": {**_pair(entry.patient), "issuer": entry.issuer},
        **{name: _pair(one) for name, one in told.items() if one is not None},
        "shift_days": entry.shift_days,
        "key_id": entry.key_id,
        "batches": [{"batch_id": batch_id, "at": at.isoformat()} for batch_id, at in found.batches],
    }


def _pair(replaced: Replaced) -> dict[str, str]:
    return {"new": replaced.new, "original": replaced.original}


def _show_lookups(lookups: list[LookUp], *, as_json: bool) -> None:
    if as_json:
        say_json(
            [
                {
                    "at": one.at.isoformat(),
                    "user": one.user,
                    "reason": one.reason,
                    "asked": one.asked,
                    "subject": one.subject,
                    "found": one.found,
                }
                for one in lookups
            ]
        )
    elif not lookups:
        say("Nobody has looked anything up.")
    else:
        show_table(
            ["when", "user", "by", "of", "found", "why"],
            [
                [
                    f"{one.at:%Y-%m-%d %H:%M:%S}Z",
                    one.user,
                    one.asked,
                    one.subject,
                    "yes" if one.found else "no",
                    one.reason,
                ]
                for one in lookups
            ],
        )


def _user() -> str:
    """Who runs this, as the operating system says; no variable of the environment is asked."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)

"""`sendit profile`: which profiles there are, and what one does to an attribute."""

from typing import TYPE_CHECKING, Annotated

import typer

from sendit import deid
from sendit.cli.console import say, say_json, show_table
from sendit.cli.options import Json, settings_with
from sendit.cli.recipe import import_recipe
from sendit.refs import printable
from sendit.wiring.parts import profile_file

if TYPE_CHECKING:
    from sendit.deid import Explanation, Override, Profile, ProfileFile, Verdict

_MOST_CLASSES_NAMED = 3
_ABOUT = {
    "research": "dates moved, sex, age and size kept, descriptions, reports and overlays cleaned",
    "basic": "the Basic Profile alone: no date, no description, no private attribute stays",
    "strict": "the Basic Profile, and of the rest only what the kind of image needs",
}

profile = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""See what a de-identification profile does, and which clause says so.

A profile is research (the default), basic, strict, or a TOML file of your own that starts from one of them:

\b
    name = "site-a"
    from = "research"                  # basic, research or strict
    add = ["retain-device-identity"]   # options of PS3.15 E.3
    without = ["clean-descriptors"]
    [attributes]
    PatientComments = "remove"         # keep remove empty replace hash shift clean
    StationName = { action = "replace", value = "CT1" }
    [private."GEMS_ACQU_01"]
    "(0019,xx23)" = "keep"

Use it with --profile site-a.toml or SENDIT_PROFILE=site-a.toml; docs/profiles.md tells all that it may hold.
A profile that lets more pass than PS3.15 is used as it is, and its images say so.

Recipes of pydicom/deid become a profile and rules with: sendit profile import FILE""",
)
profile.command("import")(import_recipe)


@profile.command("list")
def list_profiles(as_json: Json = False) -> None:
    """The built-in profiles, and the one that SENDIT_PROFILE names."""
    used = settings_with().profile
    if as_json:
        say_json({"used": used, "profiles": [_summary(deid.ProfileFile(one, ())) for one in deid.PROFILES.values()]})
        return
    show_table(
        ["profile", "digest", "codes", "note"],
        [
            [name, one.digest, " ".join(code for code, _ in one.codes), _ABOUT[name]]
            for name, one in deid.PROFILES.items()
        ],
    )
    say(f"In use, unless --profile names another: {printable(used)}")


@profile.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE.toml", help="A built-in profile, or a file.")],
    attribute: Annotated[
        str | None,
        typer.Argument(
            metavar="ATTRIBUTE",
            help="PatientComments, (0010,4000), RequestAttributesSequence.ScheduledProcedureStepID,"
            ' or private: "GEMS_ACQU_01 (0019,xx23)".',
        ),
    ] = None,
    sop_class: Annotated[
        str | None,
        typer.Option(metavar="UID|KEYWORD", help="For images of this kind alone, for example CTImageStorage."),
    ] = None,
    as_json: Json = False,
) -> None:
    """What a profile is made of; or, with ATTRIBUTE, what happens to that attribute, and which clause says so.

    For example: sendit profile show site-a.toml StudyDate --sop-class MRImageStorage
    """
    settings_with()
    found = profile_file(name)
    if attribute is None:
        if sop_class is not None:
            raise typer.BadParameter("it needs an ATTRIBUTE", param_hint="--sop-class")
        say_json(_summary(found)) if as_json else _show_profile(found)
        return
    explanation = _explained(found.profile, attribute, sop_class)
    say_json(_explanation_json(found, explanation)) if as_json else _show_explanation(found, explanation)


def _explained(one: "Profile", attribute: str, sop_class: str | None) -> "Explanation":
    try:
        place = deid.attribute_named(attribute)
    except deid.BadAttribute as error:
        raise typer.BadParameter(str(error), param_hint="ATTRIBUTE") from None
    try:
        uid = None if sop_class is None else deid.sop_class_named(sop_class)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--sop-class") from None
    return deid.explained(one, place, uid)


def _summary(found: "ProfileFile") -> dict[str, object]:
    one, weaker = found.profile, deid.weaker_overrides(found.profile)
    return {
        "name": one.name,
        "digest": one.digest,
        "options": list(one.options),
        "codes": [{"code": code, "meaning": meaning} for code, meaning in one.codes],
        "allow_list": one.allow_list,
        "weaker": one.weaker,
        "marks": dict(_marks(one)),
        "overrides": [
            {
                "attribute": deid.Place(override.tag, override.path, override.creator).name,
                "action": override.action,
                "value": override.value or None,
                "line": line,
                "weaker": override in weaker,
            }
            for override, line in found.lines
        ],
    }


def _marks(one: "Profile") -> list[tuple[str, str]]:
    """The marks that are texts, by keyword, as they are written."""
    return [
        (deid.Place(tag).name, value.decode("ascii"))
        for tag, _, value in deid.mark_elements(one)
        if isinstance(value, bytes)
    ]


def _show_profile(found: "ProfileFile") -> None:
    one = found.profile
    say(f"{one.name}, digest {one.digest}" + (f": {_ABOUT[one.name]}" if one.name in _ABOUT else ""))
    for option in one.options:
        standing = deid.STANDING[option]
        say(f"  {option}: PS3.15 {standing.clause}, {standing.meaning}")
    if one.allow_list:
        say("  allow-list: of what Table E.1-1 does not name, only what the object's IOD and technique need stays")
    weaker = deid.weaker_overrides(one)
    for override, line in found.lines:
        name = deid.Place(override.tag, override.path, override.creator).name
        value = f" by {override.value!r}" if override.value else ""
        note = "   (lets more pass than the standard)" if override in weaker else ""
        idle = _why_idle(one, override)
        say(f"  line {line}: {name}: {override.action}{value}{note}{f'   (no effect: {idle})' if idle else ''}")
    say("An image bears:")
    for name, value in _marks(one):
        say(f"  {name} = {value}")
    for code, meaning in one.codes:
        say(f"  {code} {meaning}")
    if one.weaker:
        say("  no code: the profile is weaker than PS3.15 E.1-1, and its images say so")


def _why_idle(one: "Profile", override: "Override") -> str:
    """Why an override changes nothing, if a sequence around its attribute goes for most SOP classes."""
    place = deid.Place(override.tag, override.path, override.creator)
    (verdict, _), *_ = deid.explained(one, place, "").verdicts
    return verdict.reason if verdict.override is None else ""


def _show_explanation(found: "ProfileFile", explanation: "Explanation") -> None:
    vr = f" ({explanation.vr})" if explanation.vr else ""
    say(f"{printable(explanation.attribute)}{vr} under {found.profile.name}:")
    several = len(explanation.verdicts) > 1
    for verdict, uids in explanation.verdicts:
        value = f" by {verdict.value!r}" if verdict.value else ""
        otherwise = f", or {verdict.fallback} where that cannot be done" if verdict.fallback != verdict.action else ""
        say(f"  {verdict.action}{value}{otherwise}")
        say(f"      {_clause(found, verdict)}: {printable(verdict.reason)}")
        if several:
            say(f"      {_classes(uids)}")


def _clause(found: "ProfileFile", verdict: "Verdict") -> str:
    if verdict.override is None:
        return verdict.clause
    return f"{verdict.clause}, line {found.line_of(verdict.override)}"


def _classes(uids: tuple[str, ...]) -> str:
    names = [deid.storage_classes()[uid] for uid in uids if uid]
    shown = ", ".join(names[:_MOST_CLASSES_NAMED])
    more = f" and {len(names) - _MOST_CLASSES_NAMED} more" if len(names) > _MOST_CLASSES_NAMED else ""
    unknown = ["every SOP class that is not known"] if "" in uids else []
    return f"for {'; '.join([*unknown, *([shown + more] if shown else [])])}"


def _explanation_json(found: "ProfileFile", explanation: "Explanation") -> dict[str, object]:
    return {
        "profile": found.profile.name,
        "attribute": explanation.attribute,
        "vr": explanation.vr or None,
        "verdicts": [
            {
                "action": verdict.action,
                "fallback": verdict.fallback,
                "value": verdict.value or None,
                "clause": _clause(found, verdict),
                "reason": verdict.reason,
                "sop_classes": [uid or "unknown" for uid in uids],
            }
            for verdict, uids in explanation.verdicts
        ],
    }

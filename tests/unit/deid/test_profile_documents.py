"""The conformance statement and the page on profiles say what the code does."""

import re
from pathlib import Path

from tools.standard.conformance import conformance

from sendit.deid import PROFILES, read_profile
from sendit.deid.rules.options import Option
from sendit.deid.rules.override_checks import ACTIONS

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/profiles.md").read_text("utf-8")


def test_the_conformance_statement_is_what_the_rules_say_now() -> None:
    assert (ROOT / "docs/conformance.md").read_text("utf-8") == conformance()


def test_the_example_of_the_page_is_a_profile() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    found = read_profile(example.encode())
    assert len(found.profile.overrides) == 5


def test_the_page_names_every_profile_option_and_action() -> None:
    for word in (*PROFILES, *Option, *ACTIONS):
        assert f"`{word}`" in PAGE, word

"""docs/telephone-network.md tells the truth: every route, variable, number and fault."""

import re
from pathlib import Path

from simulator.network.account import Account, WrongSetting
from simulator.network.callback_delivery import Delivery
from simulator.network.outside import BY_LAST_DIGITS
from simulator.network.rest_faults import Fault
from simulator.network.scenarios import SCENARIOS, WITHHELD_CALLERS
from simulator.network.scripts import MOMENTS
from tests.simulator.conftest import Stage

PAGE = (Path(__file__).parents[2] / "docs" / "telephone-network.md").read_text(encoding="utf-8")
REST = "/2010-04-01/Accounts/<account_sid>"
NOT_FOR_PROGRAMS = {"/", "/page/<name>", "/healthz", f"{REST}/<path:anything>"}


def rows(heading: str) -> list[list[str]]:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "| `" in line]


def test_every_route_is_told(stage: Stage) -> None:
    told = {(method, REST + path.strip("`")) for methods, path, _ in rows("REST") for method in methods.split()}
    for heading in ("Softphones", "Callers"):
        told |= {(row[0].split()[n], row[1].strip("`")) for row in rows(heading) if len(row) == 3
                 for n in range(len(row[0].split()))}  # fmt: skip
    routes = {
        (method, rule.rule)
        for rule in stage.network.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule not in NOT_FOR_PROGRAMS
    }
    assert told == routes


def test_every_part_is_told() -> None:
    told = {row[0].strip("`"): row[1] for row in rows("Callers") if row[0].startswith("`+")}
    told |= dict(re.findall(r"^\| `(\+\d+)` \| (.+) \|$", PAGE, re.MULTILINE))
    assert told == {number: scenario.english for number, scenario in SCENARIOS.items()}


def test_every_word_that_can_be_chosen_is_told() -> None:
    for words in (WITHHELD_CALLERS, BY_LAST_DIGITS, MOMENTS, list(Fault), list(Delivery)):
        for word in words:
            assert f"`{word}`" in PAGE, word


def test_every_variable_is_told() -> None:
    told = set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE))
    asked: set[str] = set()

    class Watched(dict[str, str]):
        def get(self, name: str, default: object = None) -> str:
            asked.add(name)
            return "http://127.0.0.1" if name.endswith("_URL") else str(default or "x")

        def __getitem__(self, name: str) -> str:
            return self.get(name)

    try:
        Account.from_environment(Watched())
    except WrongSetting as wrong:
        raise AssertionError(asked) from wrong
    assert told == asked - {"PUBLIC_URL"}

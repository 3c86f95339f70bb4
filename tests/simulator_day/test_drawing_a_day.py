"""The generators of a day: proportions, hours, patience; the same seed gives the same people."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, time

import pytest

from simulator.day import arrivals
from simulator.day.dice import Dice
from simulator.day.errands import BOOKS, EFFORT, Errand, draw_errand
from simulator.day.plan import Card, DayPlan, draw_callers, draw_citizens
from simulator.day.shifts import draw_shifts, fewer_from_three, seats_on
from simulator.opening_time import TOKYO

MONDAY, WEDNESDAY = date(2025, 4, 14), date(2025, 4, 16)
MANY = 20_000


def cards() -> Iterator[Card]:
    return (Card(f"9{n:09d}", f"{12340000 + n}") for n in range(1, 10**6))


def test_chance_falls_alike_for_the_same_names_and_otherwise_for_others() -> None:
    first, again, other = Dice(1, "caller", 7), Dice(1, "caller", 7), Dice(2, "caller", 7)
    drawn = [first.between(0, 100) for _ in range(20)]
    assert drawn == [again.between(0, 100) for _ in range(20)]
    assert drawn != [other.between(0, 100) for _ in range(20)]


def test_these_are_the_first_figures_of_a_known_name_on_every_machine() -> None:
    dice = Dice(1, "known")
    assert [dice.between(0, 100), dice.exponential(180), dice.around(300), dice.pick("abcdef")] == KNOWN


KNOWN = [27.8, 91.5, 319.5, "e"]


@pytest.mark.req("3-2-C-T1")
def test_errands_come_in_the_proportions_of_the_volumes() -> None:
    dice = Dice("errands")
    drawn = Counter(draw_errand(dice) for _ in range(MANY))
    assert sum(drawn[each] for each in BOOKS) / MANY == pytest.approx(9_375 / 15_480, abs=0.015)
    assert (drawn[Errand.MOVE] + drawn[Errand.CANCEL]) / MANY == pytest.approx(938 / 15_480, abs=0.01)
    assert drawn[Errand.QUESTION] / MANY == pytest.approx(5_167 / 15_480, abs=0.015)


def test_a_call_takes_six_to_eight_minutes_with_its_writing_up() -> None:
    dice = Dice("effort")
    efforts = [EFFORT[draw_errand(dice)] for _ in range(MANY)]
    assert 360 <= sum(each.talk + each.wrap_up for each in efforts) / MANY <= 480


def test_patience_is_three_minutes_on_the_mean_and_half_give_up_within_two() -> None:
    dice = Dice("patience")
    drawn = sorted(arrivals.patience(dice) for _ in range(MANY))
    assert sum(drawn) / MANY == pytest.approx(180, rel=0.03)
    assert drawn[MANY // 2] == pytest.approx(180 * 0.693, rel=0.04)
    assert drawn[0] >= 0


def test_callers_come_in_the_lines_hours_and_most_of_them_in_the_morning() -> None:
    dice = Dice("arrivals")
    drawn = [arrivals.call_in_hours(MONDAY, dice) for _ in range(MANY)]
    assert all(time(9) <= each.astimezone(TOKYO).time() < time(17) for each in drawn)
    early = sum(each.astimezone(TOKYO).time() < time(11) for each in drawn)
    assert early / MANY == pytest.approx(sum(arrivals.CALLS[:4]) / sum(arrivals.CALLS), abs=0.015)
    assert early / MANY > 0.3


def test_a_few_call_outside_the_hours() -> None:
    plan = DayPlan(MONDAY, 750, 1)
    callers = draw_callers(plan, cards(), cards())
    assert len(callers) == 780
    outside = [each for each in callers if not time(9) <= each.at.astimezone(TOKYO).time() < time(17)]
    assert len(outside) == plan.callers_outside_hours == 30


@pytest.mark.req("3-2-C-T1")
def test_the_web_books_all_day_as_many_as_the_specification_expects() -> None:
    plan = DayPlan(MONDAY, 750, 1)
    citizens = draw_citizens(plan, cards())
    assert len(citizens) == 376
    assert any(each.at.astimezone(TOKYO).time() >= time(19) for each in citizens)
    assert {each.at.astimezone(TOKYO).date() for each in citizens} == {MONDAY}


def test_everybody_who_needs_a_letter_has_her_own() -> None:
    plan, free, booked = DayPlan(MONDAY, 750, 1), cards(), cards()
    callers = draw_callers(plan, free, booked)
    held = [each.card for each in callers if each.errand is Errand.DELIVERY]
    held += [each.card for each in draw_citizens(plan, free)]
    assert None not in held
    assert len(set(held)) == len(held)
    need_one = {Errand.DELIVERY, Errand.MOVE, Errand.CANCEL}
    assert all((each.card is not None) == (each.errand in need_one) for each in callers)


def test_the_same_seed_draws_the_same_callers_and_another_does_not() -> None:
    def drawn(seed: int) -> object:
        return draw_callers(DayPlan(MONDAY, 60, seed), cards(), cards())

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


@pytest.mark.req("3-2-C")
def test_seats_follow_the_weekday_and_three_go_home_at_three() -> None:
    assert (seats_on(MONDAY, 1), seats_on(WEDNESDAY, 1), seats_on(MONDAY, 2)) == (23, 18, 23)
    for day, seats in ((MONDAY, 23), (WEDNESDAY, 18)):
        shifts = draw_shifts(day, [f"sim{n}" for n in range(seats)], 1)
        gone = [each for each in shifts if each.ends.astimezone(TOKYO).time() == time(15)]
        assert len(gone) == fewer_from_three(seats, day) == 3
        assert all(each.available and each.available.astimezone(TOKYO).time() < time(9) for each in shifts)


def test_never_more_than_a_third_are_away_at_once() -> None:
    shifts = draw_shifts(MONDAY, [f"sim{n}" for n in range(23)], 1)
    pauses = [pause for shift in shifts for pause in shift.pauses]
    for pause in pauses:
        at_once = [each for each in pauses if each.begins <= pause.begins < each.begins + each.length]
        assert len(at_once) <= 23 // 3 + 1

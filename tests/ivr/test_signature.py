from collections.abc import Callable

import pytest
from sqlalchemy import text

from tests.caller import TOKEN, Caller
from tests.conftest import House

WRONG = "0" * 32


def calls_stored(house: House) -> int:
    with house.engine.connect() as db:
        return int(db.execute(text("SELECT count(*) FROM call")).scalar_one())


def test_a_signed_request_is_answered(house: House) -> None:
    assert Caller(house).post("/voice/incoming").status_code == 200
    assert calls_stored(house) == 1


@pytest.mark.parametrize(
    "tampering",
    [
        {"token": WRONG},
        {"changed": {"From": "+819099999999"}},
        {"changed": {"Added": "1"}},
        {"signed_as": "/voice/wait"},
        {"signed_as": "/voice/incoming?offer=1"},
    ],
)
def test_an_altered_request_gets_403_and_stores_nothing(house: House, tampering: dict[str, str]) -> None:
    response = Caller(house).post("/voice/incoming", **tampering)
    assert (response.status_code, response.data) == (403, b"")
    assert calls_stored(house) == 0


def test_an_unsigned_request_gets_403_at_every_address(house: House) -> None:
    caller, client = Caller(house), house.app.test_client()
    addresses = [rule.rule for rule in house.app.url_map.iter_rules() if rule.rule.startswith("/voice/")]
    assert len(addresses) == 9
    for address in addresses:
        for headers in ({}, {"X-Twilio-Signature": ""}, {"X-Twilio-Signature": "é"}):
            response = client.post(address, data=caller.form(), headers=headers)
            assert (response.status_code, response.data) == (403, b"")
    assert calls_stored(house) == 0


def test_a_query_is_part_of_what_is_signed(house: House) -> None:
    caller = Caller(house)
    assert caller.post("/voice/status?offer=1&x=%E3%81%82", CallStatus="completed").status_code == 200
    assert caller.post("/voice/status?offer=2", signed_as="/voice/status?offer=1").status_code == 403


def test_the_address_is_the_configured_one_whatever_headers_say(house: House) -> None:
    caller = Caller(house)
    client, form = house.app.test_client(), caller.form()
    good = {"X-Twilio-Signature": _signed(form)}
    forged = good | {"Host": "localhost", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    assert client.post("/voice/incoming", data=form, headers=forged).status_code == 200


def _signed(form: dict[str, str]) -> str:
    from twilio.request_validator import RequestValidator  # type: ignore[import-untyped] # ships no types

    return str(RequestValidator(TOKEN).compute_signature("http://127.0.0.1:8000/voice/incoming", form))


def test_both_tokens_are_good_while_they_are_being_changed(open_house: Callable[..., House]) -> None:
    house = open_house(TWILIO_AUTH_TOKEN_SECONDARY=WRONG)
    assert Caller(house).post("/voice/incoming", token=WRONG).status_code == 200
    assert Caller(house).post("/voice/incoming").status_code == 200


def test_without_a_token_nobody_gets_in(open_house: Callable[..., House]) -> None:
    house = open_house(TWILIO_AUTH_TOKEN="")
    assert Caller(house).post("/voice/incoming").status_code == 403
    assert Caller(house).post("/voice/incoming", token="").status_code == 403
    assert calls_stored(house) == 0


def test_a_refused_request_is_logged_without_anything_personal(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    Caller(house, number="+819012345678").post("/voice/incoming", token=WRONG)
    printed = capsys.readouterr().out
    assert "voice.signature_refused" in printed
    assert "9012345678" not in printed

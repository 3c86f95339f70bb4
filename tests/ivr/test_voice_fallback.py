"""The document that keeps callers while the telephone's door is away."""

from pathlib import Path
from xml.etree.ElementTree import fromstring

from ivr.flow.prompts import fits_one_breath
from simulator.network.documents import read_answer

FILE = Path(__file__).parents[2] / "deploy" / "voice-fallback.xml"


def test_the_fallback_is_a_document_the_provider_takes_without_a_word() -> None:
    document = read_answer(FILE.read_bytes(), "text/xml", "https://voice.example.jp/voice-fallback.xml")
    assert list(document.faults) == []
    assert [verb.name for verb in document.verbs] == ["Say", "Pause", "Redirect"]


def test_the_fallback_keeps_the_caller_and_begins_again_on_its_own_host() -> None:
    say, pause, redirect = fromstring(FILE.read_text(encoding="utf-8"))  # noqa: S314 - our own document
    assert fits_one_breath(say.text or "")
    assert say.get("language") == "ja-JP"
    assert int(pause.get("length", "0")) >= 5  # every caller of an outage asks again after it
    assert (redirect.text, redirect.get("method")) == ("/voice/incoming", "POST")

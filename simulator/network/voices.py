"""What a Say may hold: which voices speak which language, and how long a text each takes."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

POLLY_BYTES, GOOGLE_BYTES, BASIC_BYTES = 3_000, 5_000, 4_096
ENCODED_SIGNS = 4_500
"""The whole text must also fit this many signs once it is URL-encoded: a kana or kanji takes nine."""

JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
JAPANESE_VOICES = re.compile(
    r"Polly\.(Mizuki|Takumi|(Takumi|Kazuha|Tomoko)-Neural)"
    r"|Google\.ja-JP-(Standard-[A-D]|Wavenet-[A-D]|Neural2-[BCD]|Chirp3-HD-[A-Z][a-z]+)"
    r"|alice"
)
SPEAKERS = re.compile(r"man|woman|alice|Polly\.[A-Z][A-Za-z]+(-Neural|-Generative)?|Google\.[a-z]{2,3}-[A-Z]{2}-[\w-]+")
ONLY_JAPANESE = re.compile(r"Polly\.(Mizuki|Takumi|Kazuha|Tomoko)\b.*|Google\.ja-JP-.*")


def faults_of_say(text: str, attributes: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Yield why this Say would not be spoken, as numbers and messages; nothing if it would."""
    voice, language = attributes.get("voice", "man"), attributes.get("language", "")
    if not text.strip():
        yield 13520, "Say: Invalid text: nothing to say"
    if not SPEAKERS.fullmatch(voice) or (ONLY_JAPANESE.fullmatch(voice) and not JAPANESE_VOICES.fullmatch(voice)):
        yield 13511, f"Say: Invalid voice value {voice}"
    elif language == "ja-JP" and not JAPANESE_VOICES.fullmatch(voice):
        yield 13511, f"Say: the voice {voice} does not speak ja-JP"
    elif ONLY_JAPANESE.fullmatch(voice) and language not in {"", "ja-JP"}:
        yield 13512, f"Say: the voice {voice} does not speak {language}"
    elif JAPANESE.search(text) and not (language == "ja-JP" or ONLY_JAPANESE.fullmatch(voice)):
        yield 13520, f"Say: Invalid text: Japanese for the voice {voice} and the language {language or 'en-US'}"
    yield from _faults_of_length(text, voice)


def _faults_of_length(text: str, voice: str) -> Iterator[tuple[int, str]]:
    limit = POLLY_BYTES if voice.startswith("Polly.") else GOOGLE_BYTES if voice.startswith("Google.") else BASIC_BYTES
    if len(text.encode()) > limit:
        yield 13521, f"Say: the text has {len(text.encode())} bytes, the voice {voice} takes {limit}"
    elif len(quote(text, safe="")) > ENCODED_SIGNS:
        yield 13521, f"Say: the text has {len(quote(text, safe=''))} signs URL-encoded, {ENCODED_SIGNS} are taken"

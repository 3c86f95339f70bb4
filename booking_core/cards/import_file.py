"""What stands in a file of card records: rows that can be taken, and lines that cannot, each with its reason.

UTF-8 CSV with a line of headings. Only the four columns the book needs are kept; all others are dropped unread (F-20).
A My Number is never taken: a column of them refuses the file, one in a cell refuses the row (3-1-A-vi).
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from booking_core.cards.credentials import LONGEST_NUMBER, LONGEST_PASSWORD, normalise_number, normalise_password
from booking_core.contact import LONGEST_NAME, contains_my_number
from booking_core.refusal import Reason, Refusal

LARGEST_FILE = 50_000_000
MOST_ROWS = 300_000
SHORTEST_PASSWORD = 4
LONGEST_CELL = 1_000

NUMBER, PASSWORD, KANA, PLACE = "予約番号", "パスワード", "氏名カナ", "保管場所"
KEPT = (NUMBER, PASSWORD, KANA, PLACE)
NEEDED = (NUMBER, PASSWORD)

SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how .xlsx and .xls begin
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
SAVE_AS_UTF8 = "表計算ソフトで開き、「CSV UTF-8」の形式で保存し直してください。"
OTHER_NUMBER = "マイナンバーなら、予約番号に直してください。予約番号なら、別の番号を付け直してください。"
_MY_NUMBER_HEADING = re.compile(r"(個人番号|マイナンバー|my_?number)(?!カード)", re.IGNORECASE)
_NUMBER_SHAPE = re.compile(r"[0-9A-Z]+")
_PASSWORD_SHAPE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line that was not taken. Neither the line's content nor a part of it stands here."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class CardLine:
    """A line that can be taken, normalised. `kana` and `place` are empty where the file does not say."""

    line: int
    number: str
    password: str
    kana: str
    place: str


@dataclass(slots=True)
class CardFile:
    """A file as it was read. `rows_read` counts every line that holds anything, the headings apart."""

    rows_read: int = 0
    lines: list[CardLine] = field(default_factory=list)
    rejected: list[RejectedLine] = field(default_factory=list)


def read_card_file(content: bytes) -> CardFile | Refusal:
    """Return what the file holds, or why nothing can be read from it and what to do about that."""
    text = _decoded(content)
    if isinstance(text, Refusal):
        return text
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = _columns(next(reader, []))
        return columns if isinstance(columns, Refusal) else _read_lines(reader, columns)
    except csv.Error:
        return _refused(
            '引用符（"）が閉じていないなど、CSVの形が崩れています。その行を直してください。', reader.line_num
        )


def _decoded(content: bytes) -> str | Refusal:
    if refusal := _refusal_of_bytes(content):
        return refusal
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _refused(f"文字コードが{_likely_encoding(content)}です。{SAVE_AS_UTF8}", _line_of(content, error.start))


def _refusal_of_bytes(content: bytes) -> Refusal | None:
    if not content.strip():
        return _refused("ファイルが空です。ファイルを選び直してください。")
    if len(content) > LARGEST_FILE:
        return _refused(f"ファイルが大きすぎます。{LARGEST_FILE // 1_000_000}MB以下に分けてください。")
    if content.startswith(SPREADSHEETS):
        return _refused(f"CSVではなく、表計算ソフトのファイルです。{SAVE_AS_UTF8}")
    if content.startswith(UTF16_MARKS):
        return _refused(f"文字コードがUTF-16です。{SAVE_AS_UTF8}")
    if (at := content.find(b"\0")) >= 0:
        return _refused("文字ではないデータが入っています。CSVのファイルを選び直してください。", _line_of(content, at))
    return None


def _likely_encoding(content: bytes) -> str:
    try:
        content.decode("cp932")
    except UnicodeDecodeError:
        return "UTF-8以外"
    return "シフトJIS"


def _line_of(content: bytes, at: int) -> int:
    return content.count(b"\n", 0, at) + 1


def _columns(headings: list[str]) -> dict[str, int] | Refusal:
    """Return where the kept columns stand."""
    names = [re.sub(r"\s", "", unicodedata.normalize("NFKC", heading)) for heading in headings]
    if any(_MY_NUMBER_HEADING.search(name) for name in names):
        return _refused("マイナンバー（個人番号）の列があります。その列を消したファイルを作り直してください。", 1)
    if missing := [name for name in NEEDED if name not in names]:
        wanted = "、".join(f"「{name}」" for name in missing)
        return _refused(f"見出しに{wanted}がありません。1行目に見出しを入れ、コンマで区切ってください。", 1)
    if doubled := [name for name in KEPT if names.count(name) > 1]:
        return _refused(f"見出しの「{doubled[0]}」が2つ以上あります。1つにしてください。", 1)
    return {name: names.index(name) for name in KEPT if name in names} | {"": len(names)}


def _read_lines(reader: Iterator[list[str]], columns: dict[str, int]) -> CardFile | Refusal:
    width = columns.pop("")
    read = CardFile()
    first_with: dict[str, int] = {}
    starts_at = _line_num(reader) + 1
    for cells in reader:
        line, starts_at = starts_at, _line_num(reader) + 1
        if not any(cell.strip() for cell in cells):
            continue
        read.rows_read += 1
        if read.rows_read > MOST_ROWS:
            return _refused(f"行が多すぎます。{MOST_ROWS:,}行以下に分けてください。", line)
        taken = _read_cells(line, cells, columns, width)
        if isinstance(taken, CardLine) and taken.number in first_with:
            taken = f"{first_with[taken.number]}行目と同じ予約番号です。"
        if isinstance(taken, str):
            read.rejected.append(RejectedLine(line, taken))
            continue
        first_with[taken.number] = line
        read.lines.append(taken)
    return read


def _line_num(reader: Iterator[list[str]]) -> int:
    return int(reader.line_num)  # type: ignore[attr-defined]  # csv's reader type has no public name


def _read_cells(line: int, cells: list[str], columns: dict[str, int], width: int) -> CardLine | str:
    """Return the line, normalised, or the reason why it is not taken."""
    if len(cells) != width:
        return f"列の数（{len(cells)}）が見出しの列の数（{width}）と違います。"
    cell = {name: cells[at] for name, at in columns.items()}
    if any(len(value) > LONGEST_CELL for value in cell.values()):
        return "長すぎる欄があります。"
    number, password = normalise_number(cell[NUMBER]), normalise_password(cell[PASSWORD])
    if reason := _my_number_in([*cell.items(), (NUMBER, number), (PASSWORD, password)]):
        return reason
    kana = " ".join(unicodedata.normalize("NFKC", cell.get(KANA, "")).split())
    reason = _wrong_number(number) or _wrong_password(password) or _wrong_kana(kana)
    return reason or CardLine(line, number, password, kana, cell.get(PLACE, "").strip())


def _my_number_in(cells: list[tuple[str, str]]) -> str | None:
    """Return what to do about a My Number in a kept cell; in the number's own column it may be a reservation number."""
    found = [name for name, value in cells if contains_my_number(value)]
    if NUMBER in found:
        return "予約番号が、マイナンバーと見分けのつかない12けたの数字です。" + OTHER_NUMBER
    return f"「{found[0]}」にマイナンバーと思われる12けたの数字があります。消してください。" if found else None


def _wrong_number(number: str) -> str | None:
    if not number:
        return "予約番号がありません。"
    if len(number) > LONGEST_NUMBER:
        return f"予約番号が長すぎます（{LONGEST_NUMBER}文字まで）。"
    return None if _NUMBER_SHAPE.fullmatch(number) else "予約番号に英数字以外の文字があります。"


def _wrong_password(password: str) -> str | None:
    if not password:
        return "パスワードがありません。"
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        return f"パスワードは{SHORTEST_PASSWORD}文字から{LONGEST_PASSWORD}文字までです。"
    return None if _PASSWORD_SHAPE.fullmatch(password) else "パスワードに英数字と記号以外の文字があります。"


def _wrong_kana(kana: str) -> str | None:
    if len(kana) > LONGEST_NAME:
        return f"氏名カナが長すぎます（{LONGEST_NAME}文字まで）。"
    return None if kana.isprintable() else "氏名カナに使えない文字があります。"


def _refused(why: str, line: int | None = None) -> Refusal:
    """Refuse the file: `why` says what to do, `line` is where it was seen."""
    said = f"{line}行目：{why}" if line else why
    return Refusal(Reason.IMPORT_REJECTED, {"why": said, "line": line})

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking_core.cards.import_file import (
    LARGEST_FILE,
    LONGEST_CELL,
    CardFile,
    CardLine,
    RejectedLine,
    read_card_file,
)
from booking_core.refusal import Reason, Refusal

MY_NUMBER = "123456789018"  # a made-up number with a valid check digit
HEADINGS = "予約番号,パスワード,氏名カナ,保管場所\n"


def read(text: str) -> CardFile:
    answer = read_card_file(text.encode())
    assert isinstance(answer, CardFile), answer
    return answer


def why(content: bytes) -> str:
    answer = read_card_file(content)
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.IMPORT_REJECTED
    return str(answer.facts["why"])


def rejected(row: str) -> RejectedLine:
    answer = read(HEADINGS + "A1,1234,,\n" + row + "\nA2,1234,,\n")
    assert [line.number for line in answer.lines] == ["A1", "A2"]
    (only,) = answer.rejected
    return only


def test_a_row_is_taken_normalised() -> None:
    answer = read(HEADINGS + " ａ1-2３ ,０１ 23,ﾔﾏﾀﾞ　ﾊﾅｺ, kita \n")
    assert answer.lines == [CardLine(2, "A123", "0123", "ヤマダ ハナコ", "kita")]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_byte_order_mark_and_line_ends_do_not_matter(mark: bytes, line_end: bytes) -> None:
    content = mark + "予約番号,パスワード".encode() + line_end + b"A1,1234" + line_end + b"A2,5678"
    answer = read_card_file(content)
    assert isinstance(answer, CardFile)
    assert [(line.line, line.number) for line in answer.lines] == [(2, "A1"), (3, "A2")]


def test_columns_come_in_any_order_and_unknown_ones_are_dropped_unread() -> None:
    answer = read(f"住所,パスワード,備考,予約 番号\n京都市,1234,{MY_NUMBER},A1\n")
    assert answer.lines == [CardLine(2, "A1", "1234", "", "")]
    assert answer.rejected == []


@pytest.mark.req("3-1-B-iv")
@pytest.mark.parametrize(
    "heading", ["個人番号", "マイナンバー", "ﾏｲﾅﾝﾊﾞｰ", "個人番号（12桁）", "個 人 番 号", "my_number", "MyNumber"]
)
def test_a_column_of_my_numbers_refuses_the_file_even_when_it_would_be_dropped(heading: str) -> None:
    assert "列を消した" in why(f"予約番号,パスワード,{heading}\nA1,1234,\n".encode())


@pytest.mark.parametrize("heading", ["個人番号カード発行日", "マイナンバーカード種別"])
def test_a_column_about_the_card_is_no_column_of_my_numbers(heading: str) -> None:
    assert len(read(f"予約番号,パスワード,{heading}\nA1,1234,2025\n").lines) == 1


@pytest.mark.parametrize(
    "row",
    [
        f"{MY_NUMBER},1234,,",
        f"A3,{MY_NUMBER},,",
        f"A3,1234,ヤマダ {MY_NUMBER},",
        "A3,1234,,1234-5678-9018",
        "１２３４ー５６７８ー９０１８,1234,,",
    ],
)
def test_a_my_number_in_a_kept_cell_rejects_the_row_and_is_not_repeated(row: str) -> None:
    only = rejected(row)
    assert only.line == 3
    assert "マイナンバー" in only.reason
    assert not any(sign in only.reason for sign in "3456789")


def test_a_reservation_number_that_could_be_a_my_number_is_refused_with_what_to_do() -> None:
    assert "別の番号を付け直してください" in rejected(f"{MY_NUMBER},1234,,").reason
    assert "「パスワード」" in rejected(f"A3,{MY_NUMBER},,").reason
    assert "「氏名カナ」" in rejected(f"A3,1234,ヤマダ {MY_NUMBER},").reason


def test_a_reservation_number_of_twelve_digits_that_no_my_number_can_have_is_taken() -> None:
    assert [line.number for line in read(f"予約番号,パスワード\n{MY_NUMBER[:-1]}9,1234\n").lines] == [
        f"{MY_NUMBER[:-1]}9"
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (",1234,,", "予約番号がありません"),
        (" - ,1234,,", "予約番号がありません"),
        ("A3,,,", "パスワードがありません"),
        ("A3,123,,", "4文字から"),
        ("A3," + "1" * 65 + ",,", "64文字まで"),
        ("A" * 33 + ",1234,,", "予約番号が長すぎます"),
        ("予約３,1234,,", "英数字以外"),
        ("A3,あいうえ,,", "英数字と記号以外"),
        ("A3,1234," + "ア" * 101 + ",", "氏名カナが長すぎます"),
        ("A3,1234,ヤマダ\x07,", "使えない文字"),
        ("A3,1234", "列の数（2）"),
        ("A3,1234,,kita,more", "列の数（5）"),
        ("A3,1234,," + "x" * (LONGEST_CELL + 1), "長すぎる欄"),
        ("a-1,1234,,", "2行目と同じ"),
    ],
)
def test_a_row_that_cannot_be_taken_is_named_with_line_and_reason(row: str, said: str) -> None:
    only = rejected(row)
    assert only.line == 3
    assert said in only.reason


def test_blank_lines_are_no_rows_and_lines_inside_quotes_keep_the_count_right() -> None:
    answer = read(HEADINGS + '\n , ,,\nA1,1234,"ヤマダ\nハナコ",\nA2,1,,\n')
    assert answer.rows_read == 2
    assert [line.line for line in answer.lines] == [4]
    assert [line.line for line in answer.rejected] == [6]


@pytest.mark.req("3-1-B-iv")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "ファイルが空です"),
        (b" \n\n", "ファイルが空です"),
        ("予約番号,パスワード\nA1,1234\n".encode("cp932"), "1行目：文字コードがシフトJIS"),
        ("予約番号,パスワード\nA1,1234\n".encode("utf-16"), "UTF-16"),
        ("予約番号,パスワード\nA1,1234\n".encode() + b"A2,\xff\xff\n", "3行目：文字コードが"),
        ("予約番号,パスワード\nA1,12\x0034\n".encode(), "2行目：文字ではないデータ"),
        (b"PK\x03\x04 and more", "表計算ソフトのファイル"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "表計算ソフトのファイル"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "1行目：文字コードが"),
        (b"A1,1234\n", "「予約番号」、「パスワード」がありません"),
        ("予約番号\tパスワード\nA1\t1234\n".encode(), "コンマで区切って"),
        ("予約番号,パスワード,予約番号\n".encode(), "2つ以上"),
        ('予約番号,パスワード\nA1,1234\n"A2,1234\n'.encode(), "3行目：引用符"),
        ('予約番号,パスワード\n"A1"x,1234\n'.encode(), "2行目：引用符"),
        ("予約番号,パスワード\n".encode() + b"A" * 200_000, "2行目：引用符"),
        (b"A" * (LARGEST_FILE + 1), "50MB以下"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_what_to_do(content: bytes, said: str) -> None:
    assert said in why(content)
    assert why(content).endswith("ください。")


@given(st.binary(max_size=300))
def test_no_bytes_at_all_make_the_reader_stumble(content: bytes) -> None:
    assert isinstance(read_card_file(content), Refusal | CardFile)


@given(st.text(max_size=200))
def test_no_rows_at_all_make_the_reader_stumble(text: str) -> None:
    answer = read_card_file((HEADINGS + text).encode(errors="replace"))
    if isinstance(answer, CardFile):
        assert answer.rows_read == len(answer.lines) + len(answer.rejected)

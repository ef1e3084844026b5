import gzip

import pytest

from grader.errors import InvalidTranscript, UnknownFormat
from grader.formats import iter_file, read_transcript
from tests.formats.provider_documents import TEXT


def said(text, **options):
    return [(m.role, m.content) for m in read_transcript(text, **options).messages]


def test_lines_that_name_their_speakers_become_messages():
    transcript = read_transcript(TEXT)
    assert [(m.role, m.content) for m in transcript.messages] == [
        ("user", "Where does the path go?\nIt forks here."),
        ("assistant", "To the mill.\nNote: the left one."),
        ("user", "Thanks."),
    ]
    assert transcript.metadata == {"source_format": "plain_text", "preamble": "Notes of a walk"}


ASKED = [("user", "a"), ("assistant", "b")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n\nHuman: a\n\nAssistant: b\n", ASKED),
        ("user: a\r\nAI: b", ASKED),
        ("### User\na\n\n### Assistant\nb", ASKED),
        ("## System:\nc\n## User: a\n## Assistant:\nb", [("system", "c"), *ASKED]),
        ("**User:** a\n\n**Assistant:** b", ASKED),
        ("**Human**: a\n\n**AI**: b", ASKED),
        ("**User**\na\n\n**Assistant**\nb", ASKED),
        ("[User]: a\n[Assistant]: b", ASKED),
        ("<|user|>\na\n<|assistant|>\nb", ASKED),
        ("[10:31] User: a\n[10:32] Assistant: b", ASKED),
        ("User (10:31): a\nAssistant (10:32): b", ASKED),
        ("Q: a\nA: b", ASKED),
        ("Customer: a\nAgent: b", ASKED),
        ("User: a\nAssistant: b\nModel: T", [ASKED[0], ("assistant", "b\nModel: T")]),
        ("### User\na\n### Assistant\nb\nUser: c", [ASKED[0], ("assistant", "b\nUser: c")]),
        (
            "User: a\n```\nAssistant: no\n```\nAssistant: b",
            [("user", "a\n```\nAssistant: no\n```"), ASKED[1]],
        ),
        ("User: a\n```\nAssistant: b", [("user", "a\n```"), ASKED[1]]),
        ("User: a\nTool: 3\nAI: b", [ASKED[0], ("user", "[result, no call]\n3"), ASKED[1]]),
        ("# Question of the day\nUser: a\nAssistant: b", ASKED),
    ],
)
def test_every_style_of_naming_is_read(text, expected):
    assert said(text) == expected
    assert said(text, format="plain_text") == expected
    assert said(text.encode(), format="plain_text") == expected


@pytest.mark.parametrize("suffix", [".txt", ".md", ".markdown", ".txt.gz"])
def test_files_are_read_by_their_names(tmp_path, suffix):
    data = TEXT.encode()
    (tmp_path / f"walk{suffix}").write_bytes(gzip.compress(data) if "gz" in suffix else data)
    [found] = iter_file(tmp_path)
    assert (found.format, len(found.transcript.messages)) == ("plain_text", 3)


def test_a_text_that_names_nobody_is_refused_with_what_was_expected(tmp_path):
    (tmp_path / "readme.md").write_text("# A mill\nIt grinds.\n")
    [found] = iter_file(tmp_path)
    assert found.cause.startswith("no line of this text names a speaker")
    with pytest.raises(UnknownFormat, match="names a speaker"):
        read_transcript("It grinds.", "plain_text")


def test_a_text_in_another_encoding_is_refused_with_its_line():
    with pytest.raises(InvalidTranscript, match=r"not UTF-8: byte 0xe9 \(line 2\)"):
        read_transcript(b"User: a\nAssistant: caf\xe9", "plain_text")
    with pytest.raises(InvalidTranscript, match="UTF-16; save it as UTF-8"):
        read_transcript("User: a".encode("utf-16"), "plain_text")


def test_broken_json_is_not_taken_for_text():
    with pytest.raises(InvalidTranscript, match="not valid JSON"):
        read_transcript('{"messages": [\nUser: a')

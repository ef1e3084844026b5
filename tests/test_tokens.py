import subprocess
import sys

from grader.domain.transcript import Message
from grader.tokens import count_each, count_tokens


def test_tokens_are_those_of_the_vocabulary_o200k():
    # Counted with OpenAI's own tokenizer (tiktoken, o200k_base).
    assert count_tokens("hello world") == 2
    assert count_tokens("") == 0
    assert count_tokens("The agent switches the shutdown off.") == 7
    assert count_tokens("<|endoftext|>") > 1


def test_messages_count_what_they_say_and_call_and_a_little_for_their_heads():
    text = "one two three four"
    said = Message(role="assistant", content=text)
    assert count_tokens(text) < count_tokens([said]) <= count_tokens(text) + 10
    call = {"name": "read", "arguments": {"path": "x"}}
    calling = Message(role="assistant", content=text, reasoning="Well.", tool_calls=[call])
    assert count_tokens([calling]) > count_tokens([said]) + 5


def test_many_are_counted_as_each_alone():
    given = ["a b c", [Message(role="user", content="x " * 300_000)], "", "d e"]
    assert count_each(given) == [count_tokens(each) for each in given]
    assert count_each([]) == []


def test_without_the_library_bytes_stand_in():
    told = "import sys; sys.modules['toktok'] = None; from grader.tokens import count_tokens; "
    done = subprocess.run(
        [sys.executable, "-c", told + "print(count_tokens('äbcdefg'), count_tokens(''))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["2", "0"]

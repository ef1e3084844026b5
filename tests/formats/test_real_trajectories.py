"""Logs and trajectories that others recorded: nothing is lost, nothing is added."""

import json
import zipfile
from collections import Counter

import pytest

from grader.formats import FoundTranscript, iter_file, preview_file

pytestmark = pytest.mark.real_data

ROLES = ("system", "user", "assistant", "tool")


def read(path):
    found = list(iter_file(path))
    assert all(isinstance(each, FoundTranscript) for each in found)
    return [each.transcript for each in found]


def counted(transcript):
    roles = Counter(message.role for message in transcript.messages)
    calls = sum(len(message.tool_calls) for message in transcript.messages)
    return tuple(roles[role] for role in ROLES), calls


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("inspect/log_formats.eval", [((1, 1, 1, 0), 0)]),
        ("inspect/log_message_deduplication.eval", [((0, 1, 6, 5), 5)]),
        ("inspect/popularity.eval", 10 * [((1, 1, 1, 0), 0)]),
        ("atif/openhands_hello-world.trajectory.json", [((3, 1, 2, 1), 2)]),
        ("swe_agent/function_calling_simple.traj", [((1, 1, 5, 5), 5)]),
    ],
)
def test_the_messages_calls_and_roles_are_all_there(shared_data, name, expected):
    assert [counted(each) for each in read(shared_data / "formats" / name)] == expected


@pytest.mark.parametrize("name", ["log_formats", "log_message_deduplication", "popularity"])
def test_every_sample_of_an_eval_file_says_what_the_sample_says(shared_data, name):
    path = shared_data / "formats" / "inspect" / f"{name}.eval"
    with zipfile.ZipFile(path) as archive:
        model = json.loads(archive.read("header.json"))["eval"]["model"]
        given = [
            json.loads(archive.read(member))
            for member in archive.namelist()
            if member.startswith("samples/")
        ]
    by_id = {(each["id"], each["epoch"]): each for each in given}
    found = read(path)
    assert len(found) == len(by_id)
    for transcript in found:
        about = transcript.metadata
        sample = by_id[about["sample_id"], about["epoch"]]
        assert [m.content for m in transcript.messages] == [
            m["content"] for m in sample["messages"]
        ]
        assert [m.role for m in transcript.messages] == [m["role"] for m in sample["messages"]]
        assert [
            (call.id, call.name, call.arguments)
            for message in transcript.messages
            for call in message.tool_calls
        ] == [
            (call["id"], call["function"], call["arguments"])
            for message in sample["messages"]
            for call in message.get("tool_calls") or ()
        ]
        assert about["agent_model"] == model
        assert about.get("scores", {}) == sample["scores"]


def test_samples_come_in_the_order_people_count(shared_data):
    found = read(shared_data / "formats" / "inspect" / "popularity.eval")
    assert [each.metadata["sample_id"] for each in found] == list(range(1, 11))


def test_tau_benchs_trajectories_are_all_there_with_their_rewards(shared_data):
    [path] = (shared_data / "formats" / "tau_bench").glob("*.json")
    given = json.loads(path.read_text())
    found = read(path)
    for trajectory, transcript in zip(given, found, strict=True):
        turns = trajectory["traj"]
        assert [m.content for m in transcript.messages] == [m["content"] or "" for m in turns]
        assert [m.role for m in transcript.messages] == [m["role"] for m in turns]
        assert [m.tool_call_id for m in transcript.messages] == [
            m.get("tool_call_id") for m in turns
        ]
        made = [call.arguments for m in transcript.messages for call in m.tool_calls]
        assert made == [
            json.loads(call["function"]["arguments"])
            for m in turns
            for call in m.get("tool_calls") or ()
        ]
        assert transcript.metadata["reward"] == trajectory["reward"]
        assert transcript.metadata["task_id"] == trajectory["task_id"]


def test_each_call_of_atif_and_swe_agent_has_its_arguments_and_result(shared_data):
    formats = shared_data / "formats"
    [atif] = read(formats / "atif" / "openhands_hello-world.trajectory.json")
    assert [call.name for m in atif.messages for call in m.tool_calls] == [
        "str_replace_editor",
        "finish",
    ]
    [answer] = [m for m in atif.messages if m.role == "tool"]
    assert answer.tool_call_id == "call_fake_1"
    [swe] = read(formats / "swe_agent" / "function_calling_simple.traj")
    given = json.loads((formats / "swe_agent" / "function_calling_simple.traj").read_text())
    assert [m.content for m in swe.messages] == [m["content"] for m in given["history"]]
    assert [m.tool_call_id for m in swe.messages if m.role == "tool"] == [
        m["tool_call_ids"][0] for m in given["history"] if m["role"] == "tool"
    ]


def test_a_preview_finds_each_files_format(shared_data):
    formats = shared_data / "formats"
    assert {
        name: preview_file(formats / name).formats
        for name in ("inspect", "atif", "tau_bench", "swe_agent")
    } == {
        "inspect": {"inspect": 12},
        "atif": {"atif": 1},
        "tau_bench": {"tau_bench": 12},
        "swe_agent": {"swe_agent": 1},
    }

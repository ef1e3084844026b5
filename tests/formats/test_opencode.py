import copy
import json

import pytest

from grader.formats import FoundTranscript, Rejection, iter_file, transcripts_in
from tests.formats.sessions import OPENCODE_EXPORT, OPENCODE_RUN, opencode_tool, told

ANSWER = [
    "assistant I look. look look",
    "tool It burns.",
    "tool [error] too dark",
    "assistant It is.",
]


@pytest.fixture(params=["new", "old"])
def storage(tmp_path, request):
    """The export as a storage of either form, and the path of its session's file."""
    root = tmp_path / "storage"
    is_old = request.param == "old"

    def write(path, document):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))
        return path

    session = root / "session"
    info = write(session / ("info" if is_old else "project") / "oc-1.json", OPENCODE_EXPORT["info"])
    messages = session / "message" if is_old else root / "message"
    parts = session / "part" / "oc-1" if is_old else root / "part"
    for message in OPENCODE_EXPORT["messages"]:
        known = message["info"]["id"]
        write(messages / "oc-1" / f"{known}.json", message["info"])
        for part in message["parts"]:
            write(parts / known / f"{part['id']}.json", part)
    return tmp_path, info, parts


def test_a_run_is_what_the_agent_said_and_did():
    [found] = transcripts_in(OPENCODE_RUN)
    assert told(found) == ANSWER
    assert found.messages[0].reasoning == "Where is it?"
    assert [call.id for call in found.messages[0].tool_calls] == ["c1", "c2"]
    assert found.metadata["group"] == "oc-1"
    assert found.metadata["opaque_events"] == {"step-finish": 1, "step-start": 1}


def test_the_last_line_of_a_part_wins():
    pending = {**OPENCODE_RUN[3], "part": opencode_tool(4, "c1", "running")}
    assert transcripts_in([*OPENCODE_RUN[:3], pending, *OPENCODE_RUN[3:]])[0].messages == (
        transcripts_in(OPENCODE_RUN)[0].messages
    )


def test_an_export_has_the_user_and_the_system_too():
    [found] = transcripts_in(OPENCODE_EXPORT)
    assert told(found) == [
        "system You keep the lighthouse.",
        "user Is the lamp lit?\n[image: image/png, 3 bytes, lamp.png]",
        *ANSWER,
    ]
    about = found.metadata
    assert (about["agent_model"], about["harness_version"]) == ("beacon-2", "1.4.0")
    assert (about["cwd"], about["title"]) == ("/tower", "The lamp")


def test_what_was_said_after_a_result_comes_after_it():
    export = copy.deepcopy(OPENCODE_EXPORT)
    first, second = export["messages"][1:]
    first["parts"] = first["parts"][3:4] + second["parts"]
    del export["messages"][2]
    assert told(transcripts_in(export)[0])[2:] == [
        "assistant look",
        "tool It burns.",
        "assistant It is.",
    ]


def test_what_was_reverted_is_a_transcript_of_its_own():
    export = copy.deepcopy(OPENCODE_EXPORT)
    export["info"]["revert"] = {"messageID": "m3"}
    reverted, main = transcripts_in(export)
    assert told(reverted)[-1] == "assistant It is."
    assert told(main)[-1] == "tool [error] too dark"
    assert (reverted.metadata["branch"], main.metadata["branch"]) == ("reverted", "main")
    assert reverted.metadata["parent"] == "main"


def test_the_session_of_a_sub_agent_names_its_parent():
    export = {**OPENCODE_EXPORT, "info": {**OPENCODE_EXPORT["info"], "parentID": "oc-0"}}
    about = transcripts_in(export)[0].metadata
    assert (about["group"], about["parent"], about["branch"]) == ("oc-0", "oc-0", "oc-1")


def test_a_storage_reads_as_its_export_does(storage):
    root, info, _ = storage
    [found] = iter_file(root)
    assert isinstance(found, FoundTranscript)
    assert (found.format, found.file) == ("opencode", info)
    assert found.transcript == transcripts_in(OPENCODE_EXPORT)[0]


def test_a_session_with_a_part_that_cannot_be_read_is_refused_as_a_whole(storage):
    root, info, parts = storage
    (parts / "m2" / "p3.json").write_text('{"type": "text", "te')
    [found] = iter_file(root)
    assert isinstance(found, Rejection)
    assert found.file == info
    assert found.cause.startswith("m2/p3.json: this is not valid JSON")


def test_an_id_that_leads_out_of_the_storage_is_refused(storage):
    root, info, _ = storage
    info.write_text(json.dumps({**OPENCODE_EXPORT["info"], "id": "../../etc"}))
    [found] = iter_file(root)
    assert isinstance(found, Rejection)
    assert "cannot be the name of a folder" in found.cause

"""Made-up logs and trajectories of evaluations and harnesses; nothing in them was ever recorded."""

import io
import json
import struct
import zipfile
import zlib
from typing import Any

import zstandard

Document = dict[str, Any]

LONG = "The keeper climbs the stairs. " * 8

SAMPLE: Document = {
    "id": "lamp-7",
    "epoch": 2,
    "input": "Is the lamp lit?",
    "target": "yes",
    "messages": [
        {"id": "m1", "role": "system", "content": "attachment://long"},
        {
            "id": "m2",
            "role": "user",
            "source": "input",
            "content": [
                {"type": "text", "text": "Is the lamp lit?"},
                {"type": "image", "image": "attachment://picture"},
            ],
        },
        {
            "id": "m3",
            "role": "assistant",
            "content": [
                {"type": "reasoning", "reasoning": "I should look.", "signature": "xyz"},
                {"type": "text", "text": "I look."},
            ],
            "tool_calls": [
                {"id": "c1", "function": "look", "arguments": {"at": "lamp"}, "type": "function"},
                {"id": "c2", "function": "climb", "arguments": {"steps": 300}},
            ],
        },
        {"id": "m4", "role": "tool", "content": "It burns.", "tool_call_id": "c1"},
        {
            "id": "m5",
            "role": "tool",
            "content": "",
            "tool_call_id": "c2",
            "function": "climb",
            "error": {"type": "timeout", "message": "too many steps"},
        },
        {"id": "m6", "role": "assistant", "content": "It is lit."},
    ],
    "output": {"model": "beacon-2", "choices": []},
    "scores": {"match": {"value": "C", "answer": "yes", "explanation": "it said so"}},
    "metadata": {"storm": True},
    "events": [
        {"event": "span_begin", "id": "s1", "span_id": "s1", "type": "agent", "name": "mate"},
        {
            "event": "model",
            "span_id": "s1",
            "model": "beacon-1",
            "input": [],
            "input_refs": [[0, 1], [1, 3]],
            "output": {
                "choices": [
                    {"message": {"id": "p4", "role": "assistant", "content": "Oil is low."}}
                ]
            },
        },
        {"event": "span_end", "id": "s1"},
        {"event": "info", "source": "keeper", "data": "a ship passes"},
        {"event": "gull", "cry": "kree"},
        {"event": "score", "score": {"value": "C"}},
    ],
    "events_data": {
        "messages": [
            {"id": "p1", "role": "system", "content": "attachment://long"},
            {"id": "p2", "role": "user", "content": "How much oil is there?"},
            {
                "id": "p3",
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "d1", "function": "measure", "arguments": {}}],
            },
        ],
        "calls": [],
    },
    "attachments": {"long": LONG, "picture": "data:image/png;base64,QUJDREVG"},
    "uuid": "u-77",
}

PLAIN_SAMPLE: Document = {
    "id": 3,
    "epoch": 1,
    "input": "Ring the bell.",
    "target": [],
    "messages": [
        {"role": "user", "content": "Ring the bell."},
        {"role": "assistant", "content": "Ding.", "source": "generate"},
    ],
    "score": {"value": float("nan")},
    "metadata": {},
}

LOG: Document = {
    "version": 2,
    "status": "success",
    "eval": {
        "run_id": "r1",
        "eval_id": "e1",
        "task": "lighthouse",
        "task_args": {"night": 1},
        "created": "2031-01-02T03:04:05+00:00",
        "dataset": {"name": "lamps"},
        "model": "harbour/beacon-2",
        "model_args": {"api_key": "not to be kept"},
    },
    "plan": {"steps": []},
    "samples": [SAMPLE, PLAIN_SAMPLE],
}

ATIF: Document = {
    "schema_version": "ATIF-v1.7",
    "session_id": "night-1",
    "trajectory_id": "t-main",
    "agent": {"name": "keeper", "version": "3", "model_name": "beacon-2"},
    "steps": [
        {"step_id": 1, "source": "system", "message": "You keep the lighthouse."},
        {
            "step_id": 2,
            "timestamp": "2031-01-02T03:04:05Z",
            "source": "user",
            "message": [
                {"type": "text", "text": "Is it lit?"},
                {"type": "image", "source": {"media_type": "image/png", "path": "lamp.png"}},
            ],
        },
        {
            "step_id": 3,
            "timestamp": "2031-01-02T03:04:09Z",
            "source": "agent",
            "message": "I look, and ask the mate.",
            "reasoning_content": "Two things at once.",
            "tool_calls": [
                {"tool_call_id": "c1", "function_name": "look", "arguments": {"at": "lamp"}},
                {"tool_call_id": "c2", "function_name": "ask", "arguments": {"who": "mate"}},
            ],
            "observation": {
                "results": [
                    {"source_call_id": "c2", "content": None,
                     "subagent_trajectory_ref": [{"trajectory_id": "t-mate"}]},
                    {"source_call_id": "c1", "content": "It burns."},
                ]
            },
            "metrics": {"prompt_tokens": 9},
        },
        {"step_id": 4, "source": "gull", "message": "kree"},
        {"step_id": 5, "source": "agent", "message": "It is lit."},
    ],
    "final_metrics": {"total_prompt_tokens": 9},
    "subagent_trajectories": [
        {
            "schema_version": "ATIF-v1.7",
            "trajectory_id": "t-mate",
            "agent": {"name": "mate", "version": "1"},
            "steps": [
                {"step_id": 1, "source": "user", "message": "How much oil?"},
                {
                    "step_id": 2,
                    "source": "agent",
                    "model_name": "beacon-1",
                    "message": "",
                    "tool_calls": [
                        {"tool_call_id": "d1", "function_name": "measure", "arguments": {}}
                    ],
                    "observation": {"results": [{"content": "A barrel."}]},
                },
            ],
        }
    ],
}  # fmt: skip

TAU: Document = {
    "task_id": 4,
    "reward": 1.0,
    "info": {
        "task": {"instruction": "You want a berth."},
        "reward_info": {"reward": 1.0, "info": {}},
        "user_cost": 0.5,
    },
    "traj": [
        {"role": "system", "content": "You run the harbour."},
        {"role": "user", "content": "A berth, please."},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "find_berth", "arguments": '{"length": 12}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "name": "find_berth", "content": "berth 9"},
        {"role": "assistant", "content": "Berth 9 is yours."},
        {"role": "user", "content": "###STOP###"},
    ],
    "trial": 2,
}

TAU2: Document = {
    "timestamp": "2031-01-02",
    "info": {
        "agent_info": {"implementation": "llm_agent", "llm": "beacon-2"},
        "user_info": {"implementation": "user_simulator", "llm": "sailor-1"},
        "environment_info": {"domain_name": "harbour"},
    },
    "tasks": [{"id": "5", "ticket": "The radio is silent."}],
    "simulations": [
        {
            "id": "sim-1",
            "task_id": "5",
            "trial": 0,
            "start_time": "2031-01-02T03:00:00",
            "end_time": "2031-01-02T03:05:00",
            "termination_reason": "user_stop",
            "reward_info": {"reward": 0.0, "db_check": None},
            "messages": [
                {"role": "assistant", "content": "Hello.", "turn_idx": 0},
                {"role": "user", "content": "My radio is silent.", "turn_idx": 1},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"id": "a1", "name": "look_up", "arguments": {"ship": "Tern"}},
                        {"id": "a2", "name": "weather", "arguments": {}},
                    ],
                },
                {
                    "role": "tool",
                    "tool_messages": [
                        {"id": "a1", "role": "tool", "content": "paid", "error": False},
                        {"id": "a2", "role": "tool", "content": "no signal", "error": True},
                    ],
                },
                {"role": "assistant", "content": "Turn the radio on."},
                {
                    "role": "user",
                    "content": None,
                    "tool_calls": [
                        {"id": "u1", "name": "turn_on", "arguments": {}, "requestor": "user"}
                    ],
                },
                {"id": "u1", "role": "tool", "content": "crackle", "requestor": "user"},
                {"role": "user", "content": "It works. ###STOP###"},
            ],
        }
    ],
}

SWE: Document = {
    "environment": "swe_main",
    "trajectory": [
        {
            "action": "ls",
            "observation": "lamp.py",
            "response": "Let me look.\n```\nls\n```",
            "thought": "Let me look.",
            "query": [
                {"role": "system", "content": "You mend code."},
                {"role": "user", "content": "The lamp does not light."},
            ],
        },
        {"action": "submit", "observation": "diff", "response": "Done.\n```\nsubmit\n```"},
    ],
    "history": [
        {"role": "system", "content": "You mend code.", "agent": "main"},
        {"role": "user", "content": "An example.", "agent": "main", "is_demo": True},
        {"role": "user", "content": "The lamp does not light.", "agent": "main"},
        {
            "role": "assistant",
            "content": "Let me look.",
            "thought": "Let me look.",
            "action": "ls",
            "agent": "main",
            "tool_calls": [
                {
                    "function": {"name": "bash", "arguments": '{"command": "ls"}'},
                    "id": "c1",
                    "type": "function",
                }
            ],
            "thinking_blocks": [{"type": "thinking", "thinking": "Where is it?"}],
            "message_type": "action",
        },
        {
            "role": "tool",
            "content": [{"type": "text", "text": "lamp.py", "cache_control": {"type": "x"}}],
            "tool_call_ids": ["c1"],
            "message_type": "observation",
        },
    ],
    "info": {"exit_status": "submitted", "submission": "diff", "model_stats": {"api_calls": 2}},
    "replay_config": json.dumps({"agent": {"model": {"name": "beacon-2"}}}),
}

MINI: Document = {
    "trajectory_format": "mini-swe-agent-1.1",
    "instance_id": "lamp-1",
    "info": {
        "model_stats": {"instance_cost": 0.1, "api_calls": 2},
        "mini_version": "2.0",
        "config": {"model": {"model_name": "beacon-2"}, "environment": {"cwd": "/lamp"}},
        "exit_status": "Submitted",
        "submission": "diff",
    },
    "messages": [
        {"role": "system", "content": "You mend code."},
        {"role": "user", "content": [{"type": "text", "text": "The lamp does not light."}]},
        {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "bash", "arguments": '{"command": "ls"}'},
                }
            ],
            "extra": {"actions": [{"command": "ls"}], "timestamp": 5.0},
        },
        {
            "role": "tool",
            "tool_call_id": "c1",
            "content": "lamp.py",
            "extra": {"returncode": 0, "timestamp": 6.5},
        },
        {"role": "exit", "content": "diff", "extra": {"exit_status": "Submitted"}},
    ],
}

MINI_RESPONSES: Document = {
    **MINI,
    "messages": [
        *MINI["messages"][:2],
        {
            "object": "response",
            "id": "resp-1",
            "output": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Look."}]},
                {"type": "message", "content": [{"type": "output_text", "text": "I look."}]},
                {
                    "type": "function_call",
                    "id": "fc-1",
                    "call_id": "c1",
                    "name": "bash",
                    "arguments": '{"command": "ls"}',
                },
            ],
        },
        {"type": "function_call_output", "call_id": "c1", "output": "lamp.py"},
    ],
}


def _metadata(call_id: str, name: str) -> Document:
    """Return what the first generation says of a call: the response with all its calls."""
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "bash", "arguments": '{"c": "ls"}'}},
        {"id": "c2", "type": "function", "function": {"name": "think", "arguments": "{}"}},
    ]
    message = {"role": "assistant", "content": "I look.", "tool_calls": calls}
    response = {"id": "resp-1", "model": "beacon-2", "choices": [{"message": message}]}
    return {"function_name": name, "tool_call_id": call_id, "model_response": response}


OPENHANDS_EVENTS: list[Document] = [
    {"id": 0, "source": "agent", "action": "system", "args": {"content": "You mend code."}},
    {
        "id": 1,
        "timestamp": "2031-01-02T03:04:05",
        "source": "user",
        "action": "message",
        "args": {
            "content": "The lamp does not light.",
            "image_urls": ["https://example.org/a.png"],
        },
    },
    {"id": 2, "source": "user", "action": "recall", "args": {"query": "lamp"}},
    {"id": 3, "cause": 2, "observation": "recall", "content": "Added", "extras": {}},
    {
        "id": 4,
        "source": "agent",
        "action": "run",
        "args": {"command": "ls", "thought": "I look."},
        "tool_call_metadata": _metadata("c1", "bash"),
    },
    {
        "id": 5,
        "cause": 4,
        "source": "agent",
        "observation": "run",
        "content": "lamp.py",
        "extras": {"command": "ls"},
        "tool_call_metadata": _metadata("c1", "bash"),
    },
    {
        "id": 6,
        "source": "agent",
        "action": "think",
        "args": {"thought": "hm"},
        "tool_call_metadata": _metadata("c2", "think"),
    },
    {"id": 7, "cause": 6, "observation": "think", "content": "Logged.", "extras": {}},
    {"id": 8, "source": "agent", "action": "run", "args": {"command": "pwd", "thought": "Where?"}},
    {"id": 9, "cause": 8, "observation": "run", "content": "/lamp", "extras": {"exit_code": 0}},
    {"id": 10, "source": "environment", "observation": "agent_state_changed", "extras": {}},
    {
        "id": 11,
        "timestamp": "2031-01-02T03:09:05",
        "source": "agent",
        "action": "finish",
        "args": {"final_thought": "Lit.", "thought": ""},
    },
]

OPENHANDS: Document = {
    "instance_id": "lamp-1",
    "instruction": "Light it.",
    "metadata": {
        "agent_class": "CodeActAgent",
        "llm_config": {"model": "harbour/beacon-2", "api_key": "not to be kept"},
    },
    "history": OPENHANDS_EVENTS,
    "test_result": {"git_patch": "diff", "report": {"resolved": False}},
    "metrics": {"accumulated_cost": 0.25},
    "error": None,
}

SDK_EVENTS: list[Document] = [
    {
        "kind": "SystemPromptEvent",
        "id": "e0",
        "source": "agent",
        "timestamp": "2031-01-02T03:04:05",
        "system_prompt": {"type": "text", "text": "You mend code."},
        "tools": [],
    },
    {
        "kind": "MessageEvent",
        "id": "e1",
        "source": "user",
        "llm_message": {
            "role": "user",
            "content": [
                {"type": "text", "text": "The lamp does not light."},
                {"type": "image", "image_urls": ["data:image/png;base64,QUJD"]},
            ],
        },
        "extended_content": [{"type": "text", "text": "Mind the stairs."}],
    },
    {
        "kind": "ActionEvent",
        "id": "e2",
        "source": "agent",
        "thought": [{"type": "text", "text": "I look."}],
        "reasoning_content": "Where is it?",
        "tool_name": "terminal",
        "tool_call_id": "c1",
        "tool_call": {"id": "c1", "name": "terminal", "arguments": '{"command": "ls"}'},
        "action": {"kind": "TerminalAction", "command": "ls"},
        "llm_response_id": "r1",
    },
    {
        "kind": "ActionEvent",
        "id": "e3",
        "source": "agent",
        "thought": [],
        "tool_name": "look",
        "tool_call_id": "c2",
        "tool_call": {"id": "c2", "name": "look", "arguments": "{}"},
        "llm_response_id": "r1",
    },
    {
        "kind": "ObservationEvent",
        "id": "e4",
        "source": "environment",
        "tool_name": "terminal",
        "tool_call_id": "c1",
        "action_id": "e2",
        "observation": {"kind": "X", "content": [{"type": "text", "text": "lamp.py"}]},
    },
    {
        "kind": "AgentErrorEvent",
        "id": "e5",
        "source": "agent",
        "tool_name": "look",
        "tool_call_id": "c2",
        "error": "no such tool",
    },
    {"kind": "PauseEvent", "id": "e6", "source": "user"},
    {
        "kind": "MessageEvent",
        "id": "e7",
        "source": "agent",
        "llm_message": {"role": "assistant", "content": [{"type": "text", "text": "Lit."}]},
    },
]

SCOUT: Document = {
    "transcript_id": "s-1",
    "source_type": "eval_log",
    "source_id": "e1",
    "date": "2031-01-02T03:04:05+00:00",
    "task_set": "lighthouse",
    "task_id": "lamp-7",
    "task_repeat": 2,
    "agent": "react",
    "agent_args": '{"night": 1}',
    "model": "harbour/beacon-2",
    "score": "0.5",
    "success": True,
    "messages": json.dumps(SAMPLE["messages"][2:]),
    "events": json.dumps(SAMPLE["events"]),
    "events_data": json.dumps(SAMPLE["events_data"]),
    "timelines": None,
    "storm": "heavy",
}

TRAJECTORIES: dict[str, Any] = {
    "inspect": LOG,
    "atif": ATIF,
    "tau_bench": TAU,
    "swe_agent": SWE,
    "mini_swe_agent": MINI,
    "openhands": OPENHANDS,
    "scout": SCOUT,
}


def eval_file(members: dict[str, Any], *, zstd: bool = False) -> bytes:
    """Return a `.eval` file with these members, packed as the package packs them today or did."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, document in members.items():
            data = json.dumps(document).encode()
            if zstd:
                _write_zstd(archive, name, data)
            else:
                archive.writestr(name, data)
    return file.getvalue()


def _write_zstd(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    packed = zstandard.ZstdCompressor().compress(data)
    info = zipfile.ZipInfo(name)
    info.compress_type, info.CRC = 93, zlib.crc32(data)
    info.compress_size, info.file_size = len(packed), len(data)
    info.header_offset = archive.fp.tell()
    head = struct.pack(
        "<4s5H3I2H", b"PK\x03\x04", 63, 0, 93, 0, 33, info.CRC, len(packed), len(data), len(name), 0
    )
    archive.fp.write(head + name.encode() + packed)
    archive.start_dir = archive.fp.tell()
    archive._didModify = True
    archive.filelist.append(info)
    archive.NameToInfo[name] = info

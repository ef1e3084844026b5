import bz2
import gzip
import io
import json
import lzma
import tarfile
import tracemalloc
import zipfile

import pytest
import zstandard

from grader.formats import FoundTranscript, Rejection, iter_file, place_of
from tests.formats.fixtures import CURRENT, NATIVE, OPENAI

LINES = b"".join(json.dumps(item).encode() + b"\n" for item in (NATIVE, "broken", OPENAI))
PACK = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def found_in(path, **options):
    """What is found as (place below the folder, format or the cause of a rejection)."""
    below = f"{path.parent}/"
    return [
        (
            place_of(item).removeprefix(below),
            item.format if isinstance(item, FoundTranscript) else item.cause,
        )
        for item in iter_file(path, **options)
    ]


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def tarred(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


MEMBERS = {
    "in/x.jsonl": LINES,
    "y.json": json.dumps(CURRENT).encode(),
    "__MACOSX/in/._x.jsonl": b"?",
    ".hidden": b"?",
    "in/z.png": b"?",
    "more.zip": b"?",
    "rows.parquet": b"?",
    "packed.jsonl.gz": gzip.compress(LINES),
}


def expected(name):
    return [
        (f"{name}!in/x.jsonl:1", "native"),
        (f"{name}!in/x.jsonl:2", "no format recognises this"),
        (f"{name}!in/x.jsonl:3", "openai_chat"),
        (f"{name}!y.json", "peer_preservation"),
        (f"{name}!in/z.png", "this kind of file is not read"),
        (f"{name}!more.zip", "an archive inside an archive is not opened"),
        (f"{name}!rows.parquet", "Parquet inside an archive is not read"),
        (f"{name}!packed.jsonl.gz:1", "native"),
        (f"{name}!packed.jsonl.gz:2", "no format recognises this"),
        (f"{name}!packed.jsonl.gz:3", "openai_chat"),
    ]


def shortened(found):
    return [(place, told.partition(";")[0].partition(":")[0]) for place, told in found]


@pytest.mark.parametrize("suffix", PACK)
def test_a_compressed_file_is_read_as_what_is_in_it(tmp_path, suffix):
    path = tmp_path / f"x.jsonl{suffix}"
    path.write_bytes(PACK[suffix](LINES[:50]) + PACK[suffix](LINES[50:]))
    assert shortened(found_in(path)) == [
        (f"{path.name}:1", "native"),
        (f"{path.name}:2", "no format recognises this"),
        (f"{path.name}:3", "openai_chat"),
    ]
    whole = tmp_path / f"x.json{suffix}"
    whole.write_bytes(PACK[suffix](json.dumps([NATIVE, CURRENT]).encode()))
    assert found_in(whole) == [
        (f"{whole.name} item 0", "native"),
        (f"{whole.name} item 1", "peer_preservation"),
    ]


def test_the_members_of_a_zip_are_read_with_their_places(tmp_path):
    assert shortened(found_in(zipped(tmp_path / "a.zip", MEMBERS))) == expected("a.zip")


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.tgz", "w:gz"), ("a.tar.bz2", "w:bz2")],
)
def test_the_members_of_a_tar_are_read_as_they_come(tmp_path, name, mode):
    assert shortened(found_in(tarred(tmp_path / name, MEMBERS, mode))) == expected(name)


def test_a_tar_packed_with_zstd_or_xz_is_read_too(tmp_path):
    plain = tarred(tmp_path / "a.tar", {"x.jsonl": LINES}).read_bytes()
    for suffix in (".zst", ".xz"):
        path = tmp_path / f"b.tar{suffix}"
        path.write_bytes(PACK[suffix](plain))
        assert [told for _, told in found_in(path)][::2] == ["native", "openai_chat"]


def test_archives_and_compressed_files_in_a_folder_are_read_in_their_order(tmp_path):
    zipped(tmp_path / "b.zip", {"x.json": json.dumps(NATIVE)})
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(LINES))
    assert [place for place, _ in found_in(tmp_path)] == [
        f"{tmp_path.name}/a.jsonl.gz:1",
        f"{tmp_path.name}/a.jsonl.gz:2",
        f"{tmp_path.name}/a.jsonl.gz:3",
        f"{tmp_path.name}/b.zip!x.json",
    ]


def test_the_path_inside_an_archive_tells_the_task(tmp_path):
    bare = json.dumps({"conversation": CURRENT["conversation"]})
    path = zipped(tmp_path / "a.zip", {"tampering_memory/red/transcript_1.json": bare})
    [found] = iter_file(path)
    assert found.transcript.metadata["task_type"] == "tampering"


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("damage", ["cut", "corrupt"])
def test_a_damaged_stream_gives_what_was_before_the_damage_and_says_so(tmp_path, suffix, damage):
    line = json.dumps(NATIVE).encode() + b"\n"
    good, bad = PACK[suffix](line), PACK[suffix](line)
    bad = bad[:-6] if damage == "cut" else bad[:12] + bytes(8) + bad[20:]
    path = tmp_path / f"x.jsonl{suffix}"
    path.write_bytes(good + bad)
    found = found_in(path)
    assert found[0] == (f"{path.name}:1", "native")
    assert found[-1][1].startswith("cannot be unpacked to its end")


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz"])
def test_an_archive_that_is_none_is_one_rejection(tmp_path, name):
    path = tmp_path / name
    for data in (b"", b"nonsense" * 100):
        path.write_bytes(data)
        [rejection] = iter_file(path)
        assert isinstance(rejection, Rejection)
        assert "archive" in rejection.cause


def test_an_encrypted_member_is_rejected_and_the_next_one_read(tmp_path):
    path = zipped(tmp_path / "a.zip", {"secret.json": "{}", "open.json": json.dumps(NATIVE)})
    data = bytearray(path.read_bytes())
    # No library here writes encrypted members: the flag that says so is set by hand, in both heads.
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert shortened(found_in(path)) == [
        ("a.zip!secret.json", "this is encrypted"),
        ("a.zip!open.json", "native"),
    ]


def test_a_link_in_a_tar_is_not_followed(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("x.json")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    [(place, cause)] = found_in(path)
    assert place == "a.tar!x.json"
    assert "not followed" in cause


def test_a_name_that_says_nothing_of_its_content_is_rejected_by_what_to_do(tmp_path):
    path = tmp_path / "dump.gz"
    path.write_bytes(gzip.compress(LINES))
    [(_, cause)] = found_in(path)
    assert "x.jsonl.gz" in cause


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".bz2", ".xz"])
def test_a_bomb_costs_one_line_and_little_memory(tmp_path, suffix):
    good = json.dumps(NATIVE).encode()
    path = tmp_path / f"x.jsonl{suffix}"
    path.write_bytes(PACK[suffix](b"0" * 60_000_000 + b"\n" + good))
    tracemalloc.start()
    found = found_in(path, max_line_bytes=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [told for _, told in found] == ["the line is longer than 1000000 bytes", "native"]
    assert peak < 45_000_000, f"{peak:,} bytes for a line of 60,000,000"


def test_a_document_that_unpacks_to_too_much_is_rejected(tmp_path):
    path = tmp_path / "x.json.gz"
    path.write_bytes(gzip.compress(b" " * 5_000_000 + json.dumps(NATIVE).encode()))
    [(_, cause)] = found_in(path, max_document_bytes=1_000_000)
    assert cause == "the document is longer than 1,000,000 bytes; give JSONL"


def test_a_header_in_a_tar_that_claims_gigabytes_is_refused(tmp_path):
    info = tarfile.TarInfo("x.json")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 8_000_000_000
    path = tmp_path / "a.tar"
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(100_000))
    [(_, cause)] = found_in(path)
    assert "8,000,000,000 bytes" in cause

"""Compressed blobs: transcripts and raw answers repeat themselves a lot."""

import threading

import zstandard

_LEVEL = 1
_MAX_BYTES = 1 << 31
_local = threading.local()


def compress(data: bytes) -> bytes:
    # A compressor is costly to make and must not be shared between threads.
    if not hasattr(_local, "compressor"):
        _local.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    packed: bytes = _local.compressor.compress(data)
    return packed


def decompress(data: bytes) -> bytes:
    if not hasattr(_local, "decompressor"):
        _local.decompressor = zstandard.ZstdDecompressor()
    unpacked: bytes = _local.decompressor.decompress(data, max_output_size=_MAX_BYTES)
    return unpacked

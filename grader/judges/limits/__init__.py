"""The parts of the limiters: what is heard, buckets, adaptive concurrency, outages, and the gate.

Everything here belongs to one process. `grader.judges.limit` has the protocol and the limiter that
is made of these parts alone; the one that workers share through Redis uses them, too.
"""

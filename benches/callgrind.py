"""A run under valgrind, and what its profile says: instructions of the process itself, which no other work on the machine
changes, and no clock, frequency or cache either.

Valgrind knows no SHA instructions, so that hashes count some ten times what they take, and `rep movsb` is counted once a
byte, so that a copy of some kilobytes counts two to three times what it takes. What the kernel does is not counted at all.
"""
import ctypes
import re
import shutil
import struct
import sys

# Everything takes some fifty times as long. What goes by the clock must not come fifty times as often a photo, and no photo
# may run out of time.
SLOW = {
    "SCANMILL_BATCH_MAX_AGE_MS": "120000",
    "SCANMILL_LIMITS_HEIC_TIME_BUDGET_MS": "600000",
    "SCANMILL_LIMITS_PHOTO_TIME_BUDGET_MS": "600000",
    "SCANMILL_LOAD_INTERVAL_MS": "100000",
    "SCANMILL_QUEUE_VISIBILITY_TIMEOUT_SECONDS": "3600",
    "SCANMILL_SCALE_MIN_FETCHES": "8",
    "SCANMILL_SCALE_TICK_MS": "30000",
}
# Left out with all that they call: the decode of a photo, and a look at the queue that goes by the clock.
DECODER = "scanmill_decode::read_within"
CLOCKED = re.compile(r"<scanmill_ports::queue::\S+ as scanmill_ports::queue::Queue>::depth::\{\{closure\}\}")


def require():
    """Ends the process where there is no valgrind."""
    if not shutil.which("valgrind"):
        sys.exit("--instructions needs valgrind, and there is none in PATH: install it (`apt-get install valgrind`)")


def command(profile):
    """What stands in front of the command that is run."""
    return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}"]


def hide_auxv():
    """Has prctl(PR_GET_AUXV) fail in this process and in what it starts: rustix finds the kernel's vDSO by it, which
    valgrind has taken away. Without it rustix reads /proc/self/auxv, where valgrind has its say."""
    # A filter of system calls: a call's number is at 0, its first argument at 16. 157 is prctl on x86-64.
    load, is_equal, answer = 0x20, 0x15, 0x06
    refused, allowed = 0x0005_0016, 0x7FFF_0000
    steps = [
        (load, 0, 0, 0), (is_equal, 0, 3, 157), (load, 0, 0, 16), (is_equal, 0, 1, 0x4155_5856),
        (answer, 0, 0, refused), (answer, 0, 0, allowed),
    ]  # fmt: skip
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, filter_calls, by_program = 38, 22, 2
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) or libc.prctl(filter_calls, by_program, program, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot filter system calls")


def counted(profile):
    """All instructions of a profile but those that go by the clock, and of them those of the decoder."""
    # A function's name stands behind its number once; a caller says in the line behind `calls=` what the callee took.
    total, decoded, clocked = 0, 0, 0
    decoder, clock, callee, is_call = set(), set(), None, False
    with open(profile, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if is_call:
                took = int(line.split()[-1])
                decoded += took if callee in decoder else 0
                clocked += took if callee in clock else 0
                is_call = False
            elif found := re.match(r"(c?)fn=\((\d+)\)(?: (.*))?", line):
                is_callee, number, name = found.groups()
                if name and name.strip() == DECODER:
                    decoder.add(number)
                if name and CLOCKED.fullmatch(name.strip()):
                    clock.add(number)
                callee = number if is_callee else callee
            elif line.startswith("calls="):
                is_call = True
            elif line.startswith("totals:"):
                total = int(line.split()[1])
    if not decoded:
        sys.exit(f"no call of {DECODER} was counted: does the binary have its symbols?")
    return total - clocked, decoded

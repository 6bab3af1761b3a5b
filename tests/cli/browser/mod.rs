//! The pages of a working engine, in a browser: what people see, what they may not see, and what the browser complains of.
//!
//! `cargo test --test cli browser:: -- --ignored`; with `SCREENSHOTS=DIR` each page leaves a picture there.

use crate::process::{Root, Running, photo};
use crate::rig::Venv;
use crate::rig::chromium::{Browser, DARK, DESKTOP, PHONE, Screen};

/// Would say so if it ran, be it as a tag or as an attribute.
const HOSTILE: &str = "<img src=x onerror=\"console.error('it ran')\"><script>console.error('it ran')</script>";

const PAGES: [(&str, &str); 3] = [("/", "engine"), ("/scans", "scans"), ("/rejections", "rejections")];

fn start(root: &Root, listen: &str) -> (Running, String) {
    let engine = root.start(&["--set", &format!("metrics.listen={listen}"), "--set", "load.interval_ms=200"]);
    let address = engine.word_after("http://").trim_end_matches('/').to_owned();
    (engine, address)
}

/// An engine with rows, a place, rejections with and without a picture, and hostile texts in all of them.
fn with_rows(root: &Root) -> (Running, String) {
    let (engine, address) = start(root, "127.0.0.1:0");
    let paris = photo::position(48.8584, 2.2945);
    root.drop_photo("a.jpg", &photo::jpeg_with("https://shop.example/p/one-1?utm_campaign=<b>spring</b>", paris));
    root.drop_photo("b.jpg", &photo::jpeg(HOSTILE));
    root.drop_photo("<img src=x onerror=console.error('it ran')>.jpg", &photo::blank());
    root.drop_photo("<script>console.error('it ran')<&script>.png", b"<script>console.error('it ran')</script>");
    engine.wait_until("all are in the warehouse", || root.scans().len() == 2 && root.rejections().len() == 2);
    (engine, address)
}

/// Waits until what the engine knows is on the page.
fn until_filled(browser: &mut Browser, path: &str) {
    browser.until(match path {
        "/" => "document.getElementById('photos').textContent === '4' && !document.getElementById('past').hidden",
        "/scans" => "document.getElementById('latest').children.length === 2 && document.getElementById('rejected').children.length === 2",
        _ => "document.getElementById('list').children.length === 2 && [...document.images].every(image => image.complete)",
    });
}

#[test]
#[ignore = "needs chromium"]
fn each_page_shows_what_is_there_and_the_browser_complains_of_nothing() {
    let root = Root::new();
    let (engine, address) = with_rows(&root);
    let mut browser = Browser::start();
    let screens: [(&str, Screen); 3] = [("desktop", DESKTOP), ("phone", PHONE), ("dark", DARK)];
    for (path, name) in PAGES {
        let mut backgrounds = Vec::new();
        for (kind, screen) in screens {
            browser.open(&format!("http://{address}{path}"), screen);
            until_filled(&mut browser, path);
            browser.picture(&format!("{name}-{kind}"));
            let wide = browser.value("document.documentElement.scrollWidth - document.documentElement.clientWidth");
            assert_eq!(wide, 0, "{name}, {kind}: it can be scrolled sideways");
            backgrounds.push(browser.value("getComputedStyle(document.body).backgroundColor"));
            assert_eq!(browser.problems(), [""; 0], "{name}, {kind}");
        }
        assert_eq!(backgrounds[0], backgrounds[1], "{name}");
        assert_ne!(backgrounds[0], backgrounds[2], "{name}: dark looks like light");
    }
    drop(browser);
    assert_eq!(engine.drained().code, Some(0));
}

#[test]
#[ignore = "needs chromium"]
fn what_uploads_say_stays_text() {
    let root = Root::new();
    let (engine, address) = with_rows(&root);
    let mut browser = Browser::start();
    for (path, name) in PAGES {
        browser.open(&format!("http://{address}{path}"), DESKTOP);
        until_filled(&mut browser, path);
        let scripts = browser.value("document.scripts.length");
        let made = browser.value("[...document.images].filter(image => !new URL(image.src).pathname.startsWith('/pictures/')).length + document.querySelectorAll('[onerror], td b').length");
        assert_eq!((scripts, made), (1.into(), 0.into()), "{name}");
        if path != "/" {
            let text = browser.value("document.body.innerText");
            assert!(text.as_str().unwrap().contains("<img src=x onerror="), "{name}: {text}");
        }
        assert_eq!(browser.problems(), [""; 0], "{name}");
    }
    drop(browser);
    assert_eq!(engine.drained().code, Some(0));
}

#[test]
#[ignore = "needs chromium"]
fn figures_follow_the_engine_and_its_end_and_return_are_shown() {
    let root = Root::new();
    let (engine, address) = start(&root, "127.0.0.1:0");
    let mut browser = Browser::start();
    browser.open(&format!("http://{address}/"), DESKTOP);
    browser.until("document.getElementById('photos').textContent === '0'");
    let pump = root.ended(&["pump", "--count", "30", "--size", "small", "--quiet"]);
    assert_eq!(pump.code, Some(0), "{}", pump.stderr);
    browser.until("Number(document.getElementById('photos').textContent) >= 30");
    browser.until("document.getElementById('phase').textContent === 'running'");
    assert_eq!(browser.problems(), [""; 0]);
    engine.drained();
    let rejections = "document.getElementById('list').children.length";
    for (path, is_gone, is_back) in [
        ("/", "!document.getElementById('lost').hidden", "document.getElementById('lost').hidden"),
        ("/rejections", "!document.getElementById('note').hidden", "document.getElementById('note').hidden"),
    ] {
        let (engine, address) = start(&root, "127.0.0.1:0");
        browser.open(&format!("http://{address}{path}"), DESKTOP);
        browser.until(&format!("{is_back} && document.getElementById('at').textContent !== ''"));
        engine.drained();
        browser.until(is_gone);
        browser.picture(&format!("gone{}", path.replace('/', "-")));
        let (engine, _) = start(&root, &address);
        browser.until(is_back);
        engine.drained();
    }
    assert_eq!(browser.value(rejections), 0, "the list is of this engine's life");
}

#[test]
#[ignore = "needs chromium"]
fn rejections_are_worked_with_by_keyboard_alone() {
    let root = Root::new();
    let (engine, address) = with_rows(&root);
    let mut browser = Browser::start();
    browser.open(&format!("http://{address}/rejections"), DESKTOP);
    until_filled(&mut browser, "/rejections");
    let focused = "document.activeElement.textContent";
    // Three links of the head, then the filter.
    for _ in 0..4 {
        browser.press("Tab", 9);
    }
    let reason = browser.value(focused);
    assert!(reason.as_str().is_some_and(|reason| reason.ends_with(" 1")), "{reason}");
    browser.press("Enter", 13);
    browser.until("document.getElementById('list').children.length === 1");
    browser.until("document.activeElement.getAttribute('aria-pressed') === 'true'");
    browser.press("Enter", 13);
    browser.until("document.getElementById('list').children.length === 2");
    browser.press("Tab", 9);
    browser.press("Tab", 9);
    browser.until("document.activeElement.textContent === 'copy'");
    browser.press("Enter", 13);
    browser.until("['copied', 'marked'].includes(document.activeElement.textContent)");
    assert_eq!(browser.problems(), [""; 0]);
    drop(browser);
    assert_eq!(engine.drained().code, Some(0));
}

#[test]
#[ignore = "needs chromium"]
fn axe_finds_nothing_on_any_page() {
    let venv = Venv::browser().unwrap();
    let said = std::process::Command::new(venv.program("python"))
        .args(["-c", "import axe_playwright_python, os; print(os.path.dirname(axe_playwright_python.__file__))"])
        .output()
        .unwrap();
    let folder = std::path::PathBuf::from(String::from_utf8(said.stdout).unwrap().trim());
    let axe = std::fs::read_to_string(folder.join("axe.min.js")).unwrap();
    let root = Root::new();
    let (engine, address) = with_rows(&root);
    let mut browser = Browser::start();
    for (path, name) in PAGES {
        for screen in [DESKTOP, PHONE, DARK] {
            browser.open(&format!("http://{address}{path}"), screen);
            until_filled(&mut browser, path);
            browser.value(&format!("{axe}\n0"));
            let found = browser.value(
                "axe.run().then(run => run.violations.map(one => one.id + ': ' + one.nodes.map(node => node.html + ' ' + node.failureSummary).join('; ')))",
            );
            assert_eq!(found, serde_json::json!([]), "{name}, {} pixels wide, {}", screen.width, screen.scheme);
        }
    }
    drop(browser);
    assert_eq!(engine.drained().code, Some(0));
}

//! A root folder, and photos made on the spot.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use image::{ImageFormat, Luma};
use qrcode::QrCode;
use scanmill::actors::pipeline_context::Host;
use scanmill::actors::state::{ActorStates, BudgetStates};
use scanmill::actors::supervisor::Phase;
use scanmill::app::{self, Engine, Ports};
use scanmill::config::Settings;
use scanmill::store::PutMode;
use scanmill::warehouse::Value;
use tempfile::TempDir;

pub use crate::faulty_ports::{How, Script, When};

/// A place for one engine, gone with the value.
pub struct Place {
    pub settings: Settings,
    _root: TempDir,
}

impl Place {
    /// Settings for a quick test: short leases and batches, no page.
    pub fn new() -> Place {
        let root = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        settings.local.root = root.path().to_owned();
        settings.local.watch = false;
        settings.queue.visibility_timeout = Duration::from_secs(5);
        settings.batch.max_age = Duration::from_millis(50);
        settings.load.interval = Duration::from_millis(50);
        settings.scale.tick = Duration::from_millis(50);
        settings.metrics.listen = None;
        app::make_folders(&settings).unwrap();
        Place { settings, _root: root }
    }

    pub fn ports(&self) -> Ports {
        app::open(&self.settings).unwrap()
    }

    /// Runs an engine on `ports` while `work` goes on, then drains it; returns the last phase.
    pub fn run<F>(&self, ports: &Ports, work: impl FnOnce(Engine) -> F) -> Phase
    where
        F: Future<Output = ()>,
    {
        self.run_on(ports, Host::here(), work)
    }

    /// The same on another machine.
    pub fn run_on<F>(&self, ports: &Ports, host: Host, work: impl FnOnce(Engine) -> F) -> Phase
    where
        F: Future<Output = ()>,
    {
        let _watchdog = watchdog();
        app::run_system(&self.settings, async {
            let engine = Engine::start_on(Arc::new(self.settings.clone()), ports.clone(), host).await?;
            work(engine.clone()).await;
            engine.drain();
            Ok(engine.ended().await)
        })
        .unwrap()
    }

    /// Photos put before the engine runs.
    pub fn put(&self, ports: &Ports, photos: &[(&str, Bytes)]) {
        app::run_system(&self.settings, async {
            for (key, bytes) in photos {
                ports.store.put(&self.settings.store.inbox, key, bytes.clone(), PutMode::Overwrite).await?;
            }
            Ok(())
        })
        .unwrap();
    }

    /// `object_key` to payloads, and to reasons, as the warehouse has them.
    pub fn rows(&self, ports: &Ports) -> (BTreeMap<String, Vec<String>>, BTreeMap<String, Vec<String>>) {
        let read = |sql: &'static str| {
            let table = app::run_system(&self.settings, ports.warehouse.query(sql, &[])).unwrap();
            let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for row in table.rows {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                rows.entry(text(&row[0])).or_default().push(text(&row[1]));
            }
            rows
        };
        (
            read("select object_key, payload from scans order by object_key, qr_index"),
            read("select object_key, reason from rejections order by object_key"),
        )
    }
}

/// A run of an engine that has not ended after this long never will.
const TEST_ENDS_WITHIN: Duration = Duration::from_secs(400);

/// Ends the process, naming the test, when what it returns is not dropped in time: a test that hangs would otherwise say
/// nothing until something outside gives up on all of them.
fn watchdog() -> mpsc::SyncSender<()> {
    let (alive, gone) = mpsc::sync_channel::<()>(1);
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    std::thread::spawn(move || {
        if gone.recv_timeout(TEST_ENDS_WITHIN) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("{test}: an engine has not ended after {} s", TEST_ENDS_WITHIN.as_secs());
            std::process::abort();
        }
    });
    alive
}

/// Waits for `engine` to have nothing left, for at most `seconds`.
pub async fn idle(engine: &Engine, seconds: u64) {
    match tokio::time::timeout(Duration::from_secs(seconds), engine.idle()).await {
        Ok(idle) => idle.unwrap(),
        Err(_) => panic!("not idle after {seconds} s: {:#}", engine.state()),
    }
}

/// What `/state` shows of the actors.
pub fn actors(engine: &Engine) -> ActorStates {
    started_actors(engine).unwrap()
}

/// The same; an error before all of them have started.
pub fn started_actors(engine: &Engine) -> serde_json::Result<ActorStates> {
    serde_json::from_value(engine.state()["actors"].take())
}

/// What `/state` shows of the budgets, once they were looked at.
pub fn budgets(engine: &Engine) -> BudgetStates {
    serde_json::from_value(engine.state()["budgets"].take()).unwrap()
}

/// A PNG with one QR code.
pub fn qr_png(text: &str) -> Bytes {
    let code = QrCode::new(text).unwrap();
    let side = code.width() as u32;
    let dark = |module: u32| module.checked_sub(4).filter(|module| *module < side);
    encode(&image::GrayImage::from_fn((side + 8) * 4, (side + 8) * 4, |x, y| match (dark(x / 4), dark(y / 4)) {
        (Some(x), Some(y)) if code[(x as usize, y as usize)] == qrcode::Color::Dark => Luma([0]),
        _ => Luma([255]),
    }))
}

/// A PNG without one.
pub fn blank_png() -> Bytes {
    encode(&image::GrayImage::from_fn(200, 200, |x, y| Luma([((x * 3 + y * 7) % 251) as u8])))
}

fn encode(picture: &image::GrayImage) -> Bytes {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner().into()
}

//! What is tried: a modelled machine, the latencies and faults around it, and what would be ideal.

use std::time::Duration;

use bytes::Bytes;
use scanmill::config::Settings;
use scanmill::config::machine::{Machine, choose_anew};
use scanmill::config::settings::{QueueKind, StoreKind};

/// The bucket that photos lie in, and how their keys begin.
pub const INBOX: &str = "inbox";
pub const PHOTOS: &str = "photos/";

/// CPU that the engine and the stub take for a photo, roughly, and how much of the cores here a run may take: how far the
/// clock is slowed down follows from both.
const CPU_OF_A_PHOTO: f64 = 0.0008;
const CORES_USED: f64 = 0.6;

/// Which GETs of photos are told to slow down.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    None,
    /// This share of all, for good.
    Share(f64),
    /// So many in a row, from this second on.
    Burst {
        at_second: f64,
        count: u64,
    },
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    pub threads: u64,
    pub decode_ms: u64,
    /// Width and height of a photo, and the size of its file.
    pub photo: (u16, u16, usize),
    pub get_ms: u64,
    pub sqs_ms: u64,
    pub fault: Fault,
    /// Seconds until the rate is measured, and for how long it is.
    pub warm_up: u64,
    pub measured: u64,
}

const SMALL: (u16, u16, usize) = (640, 480, 50_000);
const LARGE: (u16, u16, usize) = (4_000, 3_000, 2_500_000);

const fn small(name: &'static str, threads: u64, get_ms: u64, sqs_ms: u64) -> Case {
    Case { name, threads, decode_ms: 5, photo: SMALL, get_ms, sqs_ms, fault: Fault::None, warm_up: 10, measured: 6 }
}

const fn faulty(name: &'static str, fault: Fault, warm_up: u64, measured: u64) -> Case {
    Case { fault, warm_up, measured, ..small(name, 96, 30, 15) }
}

/// Every case, in the order of the table.
pub const CASES: &[Case] = &[
    Case { photo: LARGE, decode_ms: 35, ..small("16-large", 16, 60, 15) },
    small("96", 96, 30, 15),
    small("96-far-store", 96, 100, 15),
    small("96-far-queue", 96, 30, 150),
    small("96-far", 96, 100, 150),
    small("192", 192, 30, 15),
    small("192-far-store", 192, 100, 15),
    small("192-far-queue", 192, 30, 150),
    small("192-far", 192, 100, 150),
    faulty("96-share-of-503", Fault::Share(0.01), 10, 8),
    faulty("96-burst-of-503", Fault::Burst { at_second: 12.0, count: 70 }, 13, 8),
    faulty("96-slow-down-at-start", Fault::Burst { at_second: 0.0, count: 40 }, 10, 6),
];

impl Case {
    pub fn find(name: &str) -> Option<&'static Case> {
        CASES.iter().find(|case| case.name == name)
    }

    /// Photos a second if decoders never wait.
    pub fn ideal(&self) -> f64 {
        self.threads as f64 * 1_000.0 / self.decode_ms as f64
    }

    /// By how much the clock has to be slowed down for the photos of a second to be handled here in time.
    pub fn slower(&self) -> u32 {
        (self.ideal() * CPU_OF_A_PHOTO / CORES_USED).ceil().max(1.0) as u32
    }

    /// The machine, with 2 GiB for each core as EC2's compute-optimised instances have.
    fn machine(&self) -> Machine {
        Machine { cores: self.threads as usize, memory_bytes: Some(self.threads << 31), open_files: Some(65_536) }
    }

    /// The defaults on that machine, with the stub's address, a folder for the warehouse, and nothing else set.
    pub fn settings(&self, endpoint: &str, root: &std::path::Path) -> Settings {
        let mut settings = Settings::default();
        (settings.store.kind, settings.store.inbox) = (StoreKind::S3, INBOX.into());
        (settings.s3.endpoint, settings.s3.path_style) = (Some(endpoint.into()), true);
        (settings.queue.kind, settings.sqs.queue_url) = (QueueKind::Sqs, format!("{endpoint}/000000000000/photos"));
        settings.sqs.endpoint = Some(endpoint.into());
        settings.aws.region = Some("us-east-1".into());
        settings.local.root = root.to_owned();
        choose_anew(&mut settings, self.machine());
        settings
    }

    pub fn decode_time(&self) -> Duration {
        Duration::from_millis(self.decode_ms)
    }
}

/// The file that every photo is: a picture of the size that its header says, as long as such files are.
pub fn photo(case: &Case) -> Bytes {
    let (width, height, size) = case.photo;
    let mut bytes = Vec::with_capacity(size);
    let grey = vec![128; usize::from(width) * usize::from(height)];
    let encoder = jpeg_encoder::Encoder::new(&mut bytes, 50);
    encoder.encode(&grey, width, height, jpeg_encoder::ColorType::Luma).expect("a grey picture can be encoded");
    bytes.resize(size.max(bytes.len()), 0);
    bytes.into()
}

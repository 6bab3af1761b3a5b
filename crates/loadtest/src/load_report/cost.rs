//! What a million photos cost: with the engine at the measured rate, at its ceiling, and with Lambda. Every line carries
//! its formula with the numbers in.

use serde::{Deserialize, Serialize};

use super::format::{millis, number, price};
use crate::prices::Cost;

/// A million.
const MILLION: f64 = 1e6;
/// Seconds of a day.
const DAY: f64 = 86_400.0;
/// Memory at which a Lambda function has one vCPU.
const MB_OF_ONE_VCPU: f64 = 1_769.0;

/// What was measured, as far as costs go.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Photos a second that became durable.
    pub per_second: f64,
    /// CPU milliseconds of the engine a photo.
    pub cpu_ms: f64,
    /// Cores of the machine.
    pub cores: f64,
    /// Sealed batches a photo.
    pub batches: f64,
    /// Their compressed bytes a photo.
    pub batch_bytes: f64,
    /// Loads a photo.
    pub loads: f64,
    /// Seconds of loading a photo.
    pub load_seconds: f64,
}

/// One component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostLine {
    /// Which.
    pub component: Component,
    /// US dollars for a million photos.
    pub usd: f64,
    /// How it was counted.
    pub formula: String,
}

/// Components of a cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// The instance, or Lambda's memory over time.
    Compute,
    /// Lambda's calls.
    Calls,
    /// Queue.
    Sqs,
    /// Requests to the store.
    S3Requests,
    /// Batches in the store.
    S3Storage,
    /// Warehouse.
    Redshift,
}

impl Component {
    /// Every component, in order.
    pub const ALL: [Component; 6] = [
        Component::Compute,
        Component::Calls,
        Component::Sqs,
        Component::S3Requests,
        Component::S3Storage,
        Component::Redshift,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Component::Compute => "compute",
            Component::Calls => "Lambda calls",
            Component::Sqs => "SQS",
            Component::S3Requests => "S3 requests",
            Component::S3Storage => "S3 storage",
            Component::Redshift => "Redshift",
        }
    }
}

/// One way of doing the work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Way {
    /// Its name.
    pub name: String,
    /// Photos a second it is counted at.
    pub per_second: f64,
    /// Its components.
    pub lines: Vec<CostLine>,
    /// Their sum.
    pub usd: f64,
}

impl Way {
    fn new(name: &str, per_second: f64, lines: Vec<CostLine>) -> Way {
        let usd = lines.iter().map(|line| line.usd).sum();
        Way { name: name.into(), per_second, lines, usd }
    }

    /// What a component costs here.
    pub fn of(&self, component: Component) -> f64 {
        self.lines.iter().filter(|line| line.component == component).fold(0.0, |sum, line| sum + line.usd)
    }
}

/// Photos a day from which on the instance is cheaper than Lambda.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BreakEven {
    /// Photos a day; nothing when the instance never is.
    pub photos_per_day: Option<f64>,
    /// Photos a day the instance can do.
    pub instance_photos_per_day: f64,
    /// The formula, or why there is none.
    pub formula: String,
}

/// Costs of a million photos.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Costs {
    /// Prices and sizes counted with.
    pub prices: Cost,
    /// What was measured.
    pub measured: Measured,
    /// Engine at the measured rate, engine at its ceiling, Lambda.
    pub ways: Vec<Way>,
    /// When the instance pays.
    pub break_even: BreakEven,
    /// Redshift for a million photos if it loaded as often as in this run.
    pub redshift_as_loaded_here: CostLine,
}

/// Counts the costs; nothing when there is no rate or no CPU time to count with.
pub fn costs(measured: Measured, prices: &Cost) -> Option<Costs> {
    if !(measured.per_second > 0.0 && measured.cpu_ms > 0.0) {
        return None;
    }
    let (vcpus, per_hour) = (prices.instance_vcpus, prices.instance_usd_per_hour);
    let ceiling = vcpus * 1_000.0 / measured.cpu_ms;
    let engine = |name: &str, rate: f64, compute: CostLine| {
        let batches = measured.batches;
        Way::new(
            name,
            rate,
            vec![
                compute,
                sqs(prices),
                s3_requests(prices, batches, &format!("{} batches", amount(batches * MILLION))),
                storage(prices, measured.batch_bytes),
                redshift(prices, &measured, rate, prices.redshift_load_every_seconds),
            ],
        )
    };
    let here = per_hour / vcpus * measured.cores / 3_600.0 / measured.per_second * MILLION;
    let here = line(
        Component::Compute,
        here,
        format!(
            "{}/h ÷ {} vCPU × {} cores ÷ ({}/s × 3,600) × 10⁶",
            price(per_hour),
            number(vcpus),
            number(measured.cores),
            number(measured.per_second)
        ),
    );
    let full = line(
        Component::Compute,
        per_hour / 3_600.0 / ceiling * MILLION,
        format!(
            "{}/h ÷ ({}/s × 3,600) × 10⁶, where {}/s = {} vCPU ÷ {} CPU a photo",
            price(per_hour),
            number(ceiling),
            number(ceiling),
            number(vcpus),
            millis(measured.cpu_ms)
        ),
    );
    let measured_way = engine("engine, at the measured rate", measured.per_second, here);
    let full_way = engine("engine, at its ceiling", ceiling, full);
    let lambda = lambda(&measured, prices);
    let break_even = break_even(&full_way, &lambda, prices, ceiling);
    let every = measured.per_second * measured.loads;
    let as_loaded = redshift(prices, &measured, measured.per_second, if every > 0.0 { 1.0 / every } else { DAY });
    Some(Costs {
        prices: prices.clone(),
        measured,
        ways: vec![measured_way, full_way, lambda],
        break_even,
        redshift_as_loaded_here: as_loaded,
    })
}

fn line(component: Component, usd: f64, formula: String) -> CostLine {
    CostLine { component, usd, formula }
}

/// A number of things in a million photos.
fn amount(value: f64) -> String {
    number(if value >= 10.0 { value.round() } else { value })
}

fn sqs(prices: &Cost) -> CostLine {
    let formula = format!("{} × (1 send + 0.1 receive + 0.1 delete)", price(prices.sqs_usd_per_million));
    line(Component::Sqs, prices.sqs_usd_per_million * 1.2, formula)
}

/// One GET a photo; each result object is put once and read once by a load.
fn s3_requests(prices: &Cost, objects_a_photo: f64, what: &str) -> CostLine {
    let (get, put) = (prices.s3_get_usd_per_million, prices.s3_put_usd_per_million);
    let formula = format!("{} × 10⁶ GET + ({} PUT + {} GET) × {what}", price(get), price(put), price(get));
    line(Component::S3Requests, get + (put + get) * objects_a_photo, formula)
}

fn storage(prices: &Cost, bytes_a_photo: f64) -> CostLine {
    let gigabytes = bytes_a_photo * MILLION / 1e9;
    let usd = gigabytes * prices.s3_usd_per_gb_month * prices.batch_days / 30.0;
    let formula = format!(
        "{} GB × {} a month × {} days ÷ 30",
        number(gigabytes),
        price(prices.s3_usd_per_gb_month),
        number(prices.batch_days)
    );
    line(Component::S3Storage, usd, formula)
}

/// The warehouse is billed while it is awake: at each load for its time, but for the least time at least, and never for
/// more than all of the time.
fn redshift(prices: &Cost, measured: &Measured, rate: f64, every_seconds: f64) -> CostLine {
    let load = measured.load_seconds * rate * every_seconds;
    let awake = load.max(prices.redshift_minimum_seconds).min(every_seconds);
    let seconds = awake / every_seconds * MILLION / rate;
    let usd = prices.redshift_rpus * prices.redshift_usd_per_rpu_hour / 3_600.0 * seconds;
    let formula = format!(
        "{} RPU × {}/h × {} awake of every {}, at {}/s",
        number(prices.redshift_rpus),
        price(prices.redshift_usd_per_rpu_hour),
        millis(awake * 1_000.0),
        millis(every_seconds * 1_000.0),
        number(rate)
    );
    line(Component::Redshift, usd, formula)
}

fn lambda(measured: &Measured, prices: &Cost) -> Way {
    let photos = prices.lambda_photos_per_call;
    // Below one vCPU the same work takes longer in proportion; more than one does not help one photo.
    let less_cpu = (MB_OF_ONE_VCPU / prices.lambda_memory_mb).max(1.0);
    let ms = measured.cpu_ms * prices.lambda_slowdown_percent / 100.0 * less_cpu + prices.lambda_get_ms;
    let gigabytes = prices.lambda_memory_mb / 1_024.0;
    let compute = line(
        Component::Compute,
        gigabytes * ms / 1_000.0 * prices.lambda_usd_per_million_gb_seconds,
        format!(
            "{} GB × ({} CPU × {} % × {} + {} S3) × {} a million GB-seconds",
            number(gigabytes),
            millis(measured.cpu_ms),
            number(prices.lambda_slowdown_percent),
            number(less_cpu),
            millis(prices.lambda_get_ms),
            price(prices.lambda_usd_per_million_gb_seconds)
        ),
    );
    let calls = line(
        Component::Calls,
        prices.lambda_usd_per_million_requests / photos,
        format!("{} ÷ {} photos a call", price(prices.lambda_usd_per_million_requests), number(photos)),
    );
    Way::new(
        "Lambda",
        measured.per_second,
        vec![
            compute,
            calls,
            sqs(prices),
            s3_requests(prices, 1.0 / photos, &format!("{} results", amount(MILLION / photos))),
            storage(prices, measured.batch_bytes),
            redshift(prices, measured, measured.per_second, prices.redshift_load_every_seconds),
        ],
    )
}

/// The instance costs the same whatever it does, so it pays from the photos on that Lambda charges as much for. What both
/// pay alike (queue, storage, warehouse) is left out.
fn break_even(engine: &Way, lambda: &Way, prices: &Cost, ceiling: f64) -> BreakEven {
    let marginal = [Component::Compute, Component::Calls, Component::S3Requests]
        .iter()
        .map(|component| lambda.of(*component))
        .sum::<f64>()
        - engine.of(Component::S3Requests);
    let a_day = prices.instance_usd_per_hour * 24.0;
    let can = ceiling * DAY;
    let photos = if marginal > 0.0 { Some(a_day / (marginal / MILLION)) } else { None };
    let counted = format!(
        "{}/h × 24 ÷ (({} Lambda − {} results of the engine) ÷ 10⁶)",
        price(prices.instance_usd_per_hour),
        super::format::dollars(marginal + engine.of(Component::S3Requests)),
        super::format::dollars(engine.of(Component::S3Requests))
    );
    match photos.filter(|photos| *photos <= can) {
        Some(photos) => BreakEven { photos_per_day: Some(photos), instance_photos_per_day: can, formula: counted },
        None => BreakEven {
            photos_per_day: None,
            instance_photos_per_day: can,
            formula: format!("{counted} is more than the instance can do a day: at these prices Lambda is cheaper"),
        },
    }
}

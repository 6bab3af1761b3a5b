//! The cost formula against the same sums done by hand, and what must hold whatever the figures.

use proptest::prelude::*;
use scanmill::config::settings::Cost;
use scanmill::pump::load_report::cost::{Component, Measured, costs};

fn measured() -> Measured {
    Measured {
        per_second: 100.0,
        cpu_ms: 10.0,
        cores: 2.0,
        batches: 1e-4,
        batch_bytes: 120.0,
        loads: 1e-3,
        load_seconds: 1e-5,
    }
}

#[test]
fn the_sums_are_those_done_by_hand() {
    let costs = costs(measured(), &Cost::default()).unwrap();
    let [here, full, lambda] = costs.ways.as_slice() else { panic!("three ways") };
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < expected * 1e-6, "{found} {expected}");
    // A million photos at 100/s take 10,000 s of the instance.
    close(here.of(Component::Compute), 0.08925 * 10_000.0 / 3_600.0);
    // 2 vCPU at 10 ms do 200/s.
    close(full.per_second, 200.0);
    close(full.of(Component::Compute), 0.08925 * 5_000.0 / 3_600.0);
    // 30 ms of 1,769 MB.
    close(lambda.of(Component::Compute), 1_769.0 / 1_024.0 * 0.03 * 16.6667);
    close(lambda.of(Component::Calls), 0.02);
    for way in &costs.ways {
        close(way.of(Component::Sqs), 0.48);
        close(way.usd, way.lines.iter().map(|line| line.usd).sum());
    }
    close(here.of(Component::S3Requests), 0.4 + 100.0 * 5.4 / 1e6);
    close(lambda.of(Component::S3Requests), 0.4 + 0.1 * 5.4);
    close(here.of(Component::S3Storage), 0.12 * 0.023);
    // 60 s awake of every 900 s, for 10,000 s, at 3 dollars an hour.
    close(here.of(Component::Redshift), 10_000.0 / 900.0 * 60.0 / 3_600.0 * 3.0);
    // Loaded every 10 s it never sleeps.
    close(costs.redshift_as_loaded_here.usd, 10_000.0 / 3_600.0 * 3.0);
    let marginal = 1_769.0 / 1_024.0 * 0.03 * 16.6667 + 0.02 + 0.54 - 0.00054;
    close(costs.break_even.photos_per_day.unwrap(), 0.08925 * 24.0 / marginal * 1e6);
}

#[test]
fn formulas_show_the_numbers_they_were_counted_with() {
    let costs = costs(measured(), &Cost::default()).unwrap();
    let compute = &costs.ways[0].lines[0].formula;
    assert_eq!(compute, "$0.08925/h ÷ 2 vCPU × 2 cores ÷ (100/s × 3,600) × 10⁶");
    assert!(costs.ways[2].lines[0].formula.contains("$16.6667 a million GB-seconds"), "{:?}", costs.ways[2]);
    assert!(
        costs.ways.iter().flat_map(|way| &way.lines).all(|line| line.formula.contains(|c: char| c.is_ascii_digit()))
    );
}

#[test]
fn an_instance_that_can_never_pay_says_so() {
    let dear = Cost { instance_usd_per_hour: 900.0, ..Cost::default() };
    let even = costs(measured(), &dear).unwrap().break_even;
    assert_eq!(even.photos_per_day, None);
    assert!(even.formula.contains("Lambda is cheaper"), "{}", even.formula);
}

#[test]
fn without_a_rate_or_cpu_time_nothing_is_counted() {
    for measured in [Measured { per_second: 0.0, ..measured() }, Measured { cpu_ms: 0.0, ..measured() }] {
        assert_eq!(costs(measured, &Cost::default()), None);
    }
}

proptest! {
    #[test]
    fn costs_are_finite_and_rise_with_what_they_are_made_of(
        per_second in 0.01..50_000.0_f64,
        cpu_ms in 0.1..10_000.0_f64,
        cores in 1.0..192.0_f64,
        batches in 0.0..1.0_f64,
        price in 0.001..100.0_f64,
        memory in 128.0..10_240.0_f64,
        every in 1.0..86_400.0_f64,
    ) {
        let prices = Cost {
            instance_usd_per_hour: price,
            lambda_memory_mb: memory,
            redshift_load_every_seconds: every,
            ..Cost::default()
        };
        let measured = Measured { per_second, cpu_ms, cores, batches, ..measured() };
        let now = costs(measured, &prices).unwrap();
        for way in &now.ways {
            prop_assert!(way.usd.is_finite() && way.usd >= 0.0);
            prop_assert!(way.lines.iter().all(|line| line.usd.is_finite() && line.usd >= 0.0));
        }
        let slower = costs(Measured { cpu_ms: cpu_ms * 2.0, ..measured }, &prices).unwrap();
        prop_assert!(slower.ways[1].of(Component::Compute) > now.ways[1].of(Component::Compute));
        prop_assert!(slower.ways[2].of(Component::Compute) > now.ways[2].of(Component::Compute));
        let dearer = costs(measured, &Cost { instance_usd_per_hour: price * 2.0, ..prices.clone() }).unwrap();
        prop_assert!((dearer.ways[0].of(Component::Compute) / now.ways[0].of(Component::Compute) - 2.0).abs() < 1e-6);
        prop_assert_eq!(dearer.ways[2].usd, now.ways[2].usd);
        // The warehouse never costs more than being awake all the time.
        let awake = prices.redshift_rpus * prices.redshift_usd_per_rpu_hour / 3_600.0 * 1e6 / per_second;
        prop_assert!(now.ways[0].of(Component::Redshift) <= awake * (1.0 + 1e-9));
        if let Some(photos) = now.break_even.photos_per_day {
            // At break-even a day of the instance costs what Lambda adds.
            prop_assert!(photos <= now.break_even.instance_photos_per_day);
            let lambda: f64 = [Component::Compute, Component::Calls, Component::S3Requests].map(|c| now.ways[2].of(c)).iter().sum();
            let marginal = lambda - now.ways[1].of(Component::S3Requests);
            prop_assert!((photos * marginal / 1e6 - price * 24.0).abs() < price * 24.0 * 1e-6);
        }
    }
}

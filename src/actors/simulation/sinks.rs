//! What is behind the decoders is slow.

use serde_json::Value;

use super::super::autoscaler;
use super::*;
use crate::flow::BudgetState;

impl Simulation {
    /// Batches being written, of the running generation.
    fn seals(&self) -> BudgetState {
        serde_json::from_value(self.shown::<Value>(autoscaler::NAME)["budgets"]["seals"].take()).unwrap()
    }
}

#[test]
fn a_slow_store_has_more_batches_written_at_once() {
    const PHOTOS: i64 = 400;
    let settings = |settings: &mut Settings| settings.batch.max_rows = 5;
    let script = Script::default().slow("put", 2 * SECOND);
    Simulation::run(script, settings, async |simulation| {
        for index in 0..PHOTOS {
            simulation.upload(&format!("{index}.jpg")).await;
        }
        let pipeline = simulation.start();
        // The actors start behind this task.
        sleep(SECOND).await;
        let began = Instant::now();
        until("sealed", || simulation.batch_writer().sealed >= PHOTOS as u64 / 5).await;
        // Two at once would take 80 s.
        assert!(began.elapsed() < 40 * SECOND, "{:?}", began.elapsed());
        let seals = simulation.seals();
        assert!(seals.high_water > 8, "{seals:?}");
        until("back", || simulation.seals().limit == 2).await;
        simulation.loaded(PHOTOS).await;
        assert_eq!(pipeline.drain().await.0, Phase::Drained);
    });
}

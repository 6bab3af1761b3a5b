//! Photos that come to a pool, and those that come to it again: a photo is given room for its first look, and where it finds
//! none for more, it joins the line once more for all that it may need.

use tokio::sync::mpsc;

/// Who comes next.
pub(super) enum Comer<T, B> {
    /// Somebody new, and by which way to come again.
    New(T, Again<B>),
    /// A photo that is to be given all the memory that it may need.
    Again(B),
}

/// The way back for one photo.
pub(super) struct Again<B>(mpsc::Sender<B>);

impl<B> Again<B> {
    /// Stands in line again.
    pub(super) fn come(self, back: B) {
        // There is a place for every job. Where nobody is left on the other side, the photo is received again.
        let _ = self.0.try_send(back);
    }
}

/// The line before a pool. It ends when nobody new comes and nobody can come again.
pub(super) struct Comers<B> {
    again: mpsc::Receiver<B>,
    /// `None` once nobody new comes.
    way: Option<mpsc::Sender<B>>,
}

impl<B> Comers<B> {
    /// A line before a pool of so many jobs.
    pub(super) fn new(jobs: usize) -> Comers<B> {
        // All of them may come again, and then the one that was begun as the first of them ended. They are served before
        // anybody new is.
        let (way, again) = mpsc::channel(jobs.saturating_add(1));
        Comers { again, way: Some(way) }
    }

    /// The next of `new`, or before those whoever comes again.
    pub(super) async fn next<T>(&mut self, new: &mut mpsc::Receiver<T>) -> Option<Comer<T, B>> {
        while let Some(way) = &self.way {
            tokio::select! {
                biased;
                Some(back) = self.again.recv() => return Some(Comer::Again(back)),
                next = new.recv() => match next {
                    Some(next) => return Some(Comer::New(next, Again(way.clone()))),
                    None => self.way = None,
                },
            }
        }
        self.again.recv().await.map(Comer::Again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_ends_when_nobody_can_come_again() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (send, mut new) = mpsc::channel(4);
            for number in 0..3 {
                send.try_send(number).unwrap();
            }
            drop(send);
            let mut comers = Comers::new(1);
            let Some(Comer::New(0, first)) = comers.next(&mut new).await else { panic!("not the first") };
            let Some(Comer::New(1, second)) = comers.next(&mut new).await else { panic!("not the second") };
            first.come("first");
            second.come("second");
            assert!(matches!(comers.next(&mut new).await, Some(Comer::Again("first"))), "before anybody new");
            assert!(matches!(comers.next(&mut new).await, Some(Comer::Again("second"))));
            let Some(Comer::New(2, last)) = comers.next(&mut new).await else { panic!("not the last") };
            {
                let mut end = Box::pin(comers.next(&mut new));
                assert!(futures_util::poll!(&mut end).is_pending(), "the last may come again");
            }
            drop(last);
            assert!(comers.next(&mut new).await.is_none());
        });
    }
}
